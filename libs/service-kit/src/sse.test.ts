import { once } from 'node:events'
import Fastify from 'fastify'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { SseEvent } from './operation.ts'
import { writeEvents } from './sse.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

/** Serves one stream and gives what its client has heard. */
async function serve(events: (signal: AbortSignal) => AsyncIterable<SseEvent>) {
  const app = Fastify()
  const leaving = new AbortController()
  app.get('/', (_request, reply) => {
    reply.raw.on('close', () => leaving.abort())
    return writeEvents(reply, events(leaving.signal))
  })
  const answer = await app.inject({ method: 'GET', url: '/', payloadAsStream: true })
  let heard = ''
  const stream = answer.stream()
  stream.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  return { answer, stream, heard: () => heard, left: leaving.signal, close: () => app.close() }
}

test('an event is an id, a name and one line of JSON; the stream ends with the iterator', async () => {
  const { answer, stream, heard, close } = await serve(async function* () {
    yield { id: '7', event: 'step', data: { text: 'two\nlines' } }
  })
  await once(stream, 'end')
  expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  expect(heard()).toBe('id: 7\nevent: step\ndata: {"text":"two\\nlines"}\n\n')
  expect(vi.getTimerCount()).toBe(0)
  await close()
})

test('a comment every 15 s keeps the line open while nothing happens, and stops with the stream', async () => {
  let end = () => {}
  const waiting = new Promise<void>((done) => {
    end = done
  })
  const { stream, heard, close } = await serve(async function* () {
    await waiting
    yield { id: '1', event: 'late', data: 1 }
  })
  vi.advanceTimersByTime(14_999)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(15_001)
  end()
  await once(stream, 'end')
  expect(heard()).toBe(':\n\n:\n\nid: 1\nevent: late\ndata: 1\n\n')
  expect(vi.getTimerCount()).toBe(0)
  await close()
})

test('an iterator that fails ends the stream, and no timer stays behind', async () => {
  const { stream, heard, close } = await serve(async function* () {
    yield { id: '1', event: 'step', data: 1 }
    throw new Error('the store is away')
  })
  await once(stream, 'end')
  expect(heard()).toBe('id: 1\nevent: step\ndata: 1\n\n')
  expect(vi.getTimerCount()).toBe(0)
  await close()
})
