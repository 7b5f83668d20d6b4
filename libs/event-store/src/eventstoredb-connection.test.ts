import { Terminal, Transient } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { Connection, TIMING } from './eventstoredb-connection.ts'
import type { Driver } from './eventstoredb-driver.ts'
import { Expired } from './eventstoredb-failure.ts'

test('a TypeError from inside the client: it is disposed of, and a new one is asked the same', async () => {
  const { connection, told } = made()
  const broken = new TypeError('undefined is not iterable')
  const answers = [() => Promise.reject(broken), () => Promise.resolve('stored')]
  expect(await connection.askUntil(() => ({ answer: answers.shift()?.() ?? Promise.reject(broken) }), soon())).toBe('stored')
  expect(told).toEqual(['open 1', broken, 'dispose 1', 'open 2'])
})

test('a client that does not answer in time is given up, and what it was asked is cancelled', async () => {
  const { connection, told } = made()
  const asked = connection.ask(() => ({ answer: never, cancel: () => told.push('cancel') }), 5)
  await expect(asked).rejects.toThrow(Expired)
  expect(told.slice(0, 3)).toEqual(['open 1', 'cancel', expect.any(Expired)])
})

test('of calls that find one client in doubt the first replaces it, and the others ask the new one', async () => {
  const { connection, told } = made()
  const ask = (driver: Driver) => ({ answer: driver === firstOf(told) ? Promise.reject(new TypeError('lost')) : Promise.resolve('stored') })
  expect(await Promise.all([1, 2, 3].map(() => connection.askUntil(ask, soon())))).toEqual(['stored', 'stored', 'stored'])
  expect(told.filter((each) => typeof each === 'string')).toEqual(['open 1', 'dispose 1', 'open 2'])
})

test('the next client is made only when the one before is gone', async () => {
  const gone = Promise.withResolvers<void>()
  const { connection, told } = made(() => gone.promise)
  const asking = connection.askUntil(
    (driver) => ({ answer: driver === firstOf(told) ? Promise.reject(new TypeError('lost')) : Promise.resolve('stored') }),
    soon(),
  )
  await expect.poll(() => told).toContain('dispose 1')
  expect(told).not.toContain('open 2')
  gone.resolve()
  expect(await asking).toBe('stored')
})

test('what asking again cannot help is told at once, and leaves the client alone', async () => {
  const { connection, told } = made()
  const refused = Object.assign(new Error('denied'), { type: 'access-denied' })
  const outcome = await connection.askUntil(() => ({ answer: Promise.reject(refused) }), soon()).catch((error: unknown) => error)
  expect(outcome).toBeInstanceOf(Terminal)
  expect(told).toEqual(['open 1'])
})

test('a call rejects with Transient when time is up', async () => {
  const { connection } = made()
  const asking = connection.askUntil(() => ({ answer: Promise.reject(new Error('busy')) }), { attemptMs: 10, deadline: performance.now() + 40 })
  await expect(asking).rejects.toThrow(Transient)
})

test('an attempt that began in time has its whole time, and a sound client is kept', async () => {
  const { connection, told } = made()
  const late = () => new Promise((resolve) => setTimeout(resolve, 120, 'stored'))
  expect(await connection.askUntil(() => ({ answer: late() }), { attemptMs: 5000, deadline: performance.now() + 10 })).toBe('stored')
  expect(told).toEqual(['open 1'])
})

const never = new Promise<never>(() => undefined)
const soon = () => ({ attemptMs: 1000, deadline: performance.now() + 5000 })
const drivers = new WeakMap<readonly unknown[], Driver>()
const firstOf = (told: readonly unknown[]) => drivers.get(told)

/** A connection to clients that do nothing, and what happened to them in order. */
function made(dispose: () => Promise<void> = async () => undefined) {
  const told: unknown[] = []
  let count = 0
  const open = async (): Promise<Driver> => {
    const number = ++count
    told.push(`open ${number}`)
    const driver: Driver = {
      append: () => ({ answer: never }),
      readStream: () => () => undefined,
      readLog: () => () => undefined,
      subscribe: () => () => undefined,
      dispose: () => {
        told.push(`dispose ${number}`)
        return dispose()
      },
    }
    if (number === 1) drivers.set(told, driver)
    return driver
  }
  return { connection: new Connection({ open, timing: TIMING, previous: Promise.resolve(), onTrouble: (error) => told.push(error) }), told }
}
