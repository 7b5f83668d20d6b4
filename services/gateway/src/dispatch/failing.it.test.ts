// A service that fails now and then, or for a while: what is tried again, what never is, and when it is left alone.
import { rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { fakeClock } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { freePort, type GatewayBench, gatewayBench } from '../gateway-bench.ts'
import { RetryBudget } from './upstreams.ts'

const clock = fakeClock()
let bench: GatewayBench
let opsPort: number
let server: Server | undefined

beforeAll(async () => {
  opsPort = await freePort()
  bench = await gatewayBench({ adminUrl: inject('adminUrl'), clock, environment: { OPS_PORT: String(opsPort) } })
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(async () => {
  await new Promise((done) => (server === undefined ? done(undefined) : server.close(done)))
  server = undefined
  // Whatever a test left open is tried again, and what it counted is old.
  clock.advance(20_000)
})

const OK = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}'
const BUSY = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'
const HANGS_UP = ''

/** A service in place of `owner` that answers its n-th request with the n-th words; the last ones for ever. */
async function playing(owner: 'audit' | 'credit', ...parts: readonly string[]): Promise<{ asked: number }> {
  const seen = { asked: 0 }
  const { socketPath = '' } = bench.platform.addressOf(owner)
  await rm(socketPath, { force: true })
  server = createServer((socket: Socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => {
      const words = parts[Math.min(seen.asked, parts.length - 1)] ?? ''
      seen.asked++
      socket.end(words)
    })
  })
  await new Promise<void>((done) => server?.listen(socketPath, done))
  return seen
}

const read = () => bench.ask('GET', '/activity')
const write = () => bench.ask('POST', '/claim/grant', { body: '{}', headers: { 'content-type': 'application/json' } })

async function times(count: number, ask: () => Promise<{ status: number }>): Promise<readonly number[]> {
  const statuses: number[] = []
  for (let at = 0; at < count; at++) statuses.push((await ask()).status)
  return statuses
}

test('a read that got no byte of an answer is tried once more', async () => {
  const seen = await playing('audit', HANGS_UP, OK)
  expect(await read()).toMatchObject({ status: 200 })
  expect(seen.asked).toBe(2)
})

test('once more, and not for ever', async () => {
  const seen = await playing('audit', HANGS_UP)
  expect(await read()).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
  expect(seen.asked).toBe(2)
})

test('a write is never sent twice', async () => {
  const seen = await playing('credit', HANGS_UP, OK)
  expect(await write()).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
  expect(seen.asked).toBe(1)
})

test('an answer is an answer, also one of trouble', async () => {
  const seen = await playing('audit', BUSY, OK)
  expect(await read()).toMatchObject({ status: 503 })
  expect(seen.asked).toBe(1)
})

test('tries beyond the first are at most a tenth of what is sent, and ten that were saved up', () => {
  const budget = new RetryBudget()
  let taken = 0
  for (let at = 0; at < 1000; at++) {
    budget.sent()
    if (budget.take()) taken++
  }
  expect(taken).toBeGreaterThan(100)
  expect(taken).toBeLessThanOrEqual(110)
})

test('a service that fails is left alone for a moment, then tried by one request, then used again', async () => {
  const seen = await playing('audit', ...Array.from({ length: 20 }, () => BUSY), OK)
  expect(await times(20, read)).toEqual(Array(20).fill(503))
  const refused = await read()
  expect(refused).toMatchObject({ status: 503, body: { code: 'dependency_down' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect(seen.asked).toBe(20)
  clock.advance(2500)
  expect(await times(3, read)).toEqual([200, 200, 200])
  expect(seen.asked).toBe(23)
})

test('another service is not touched by that, nor are our own pages', async () => {
  await playing('audit', BUSY)
  await times(21, read)
  expect(await bench.ask('GET', '/catalogue/open')).toMatchObject({ status: 200 })
  expect(await bench.ask('GET', '/readyz')).toMatchObject({ status: 200 })
  const ready = await fetch(`http://127.0.0.1:${opsPort}/readyz`)
  expect([ready.status, await ready.json()]).toMatchObject([
    200,
    { ready: true, degraded: true, dependencies: { identity: 'ok', audit: 'left alone: it fails' } },
  ])
  const told = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text()
  expect(told).toContain('gateway_breaker_open{upstream="audit",service="gateway"} 1')
  expect(told).toMatch(/gateway_upstream_calls_total\{upstream="audit",outcome="failed",service="gateway"\} \d+/)
})
