import { once } from 'node:events'
import { Transient } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { silentLog } from './logger.ts'
import { keepRunning } from './worker.ts'

/** A worker that does this at its first run, that at its second, and so on. */
function doing(...runs: readonly ((signal: AbortSignal) => Promise<void>)[]) {
  let began = 0
  return { worker: { name: 'work', run: (signal: AbortSignal) => runs[began++]?.(signal) ?? Promise.resolve() }, began: () => began }
}
const fails = () => Promise.reject(new Transient('the database is away'))
const ends = () => Promise.resolve()

test('a worker that fails is begun again, as often as it takes', async () => {
  const { worker, began } = doing(fails, fails, ends)
  await keepRunning(worker, new AbortController().signal, silentLog, 1)
  expect(began()).toBe(3)
})

test('one whose work is done is not', async () => {
  const { worker, began } = doing(ends, ends)
  await keepRunning(worker, new AbortController().signal, silentLog, 1)
  expect(began()).toBe(1)
})

test('nor one that fails because it is to stop, and a wait ends with the service', async () => {
  const stopping = new AbortController()
  const { worker, began } = doing(fails, (signal) => once(signal, 'abort').then(fails), ends)
  const running = keepRunning(worker, stopping.signal, silentLog, 1)
  await expect.poll(began).toBe(2)
  stopping.abort()
  await running
  expect(began()).toBe(2)
  const waiting = new AbortController()
  const other = doing(fails, ends)
  const alsoRunning = keepRunning(other.worker, waiting.signal, silentLog, 60_000)
  await expect.poll(other.began).toBe(1)
  waiting.abort()
  await alsoRunning
  expect(other.began()).toBe(1)
})
