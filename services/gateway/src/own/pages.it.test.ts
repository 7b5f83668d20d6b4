// What the gateway answers itself, and that it answers nothing else (identity page §13.2, §13.3).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startService } from '@loomworks/service-kit'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { API } from '../bench-api.ts'
import { freePort, type GatewayBench, gatewayBench, ORIGIN } from '../gateway-bench.ts'
import { gatewayWith } from '../service.ts'

let bench: GatewayBench

beforeAll(async () => {
  bench = await gatewayBench({ adminUrl: inject('adminUrl'), environment: { OPS_PORT: String(await freePort()), SECURITY_CONTACT: 'mailto:safe@example.org' } })
})
afterAll(() => bench[Symbol.asyncDispose]())

const get = (target: string) => bench.ask('GET', target)

test('the index names what there is', async () => {
  expect(await get('/')).toMatchObject({ status: 200, body: { name: 'Loomworks', docs: '/docs', openapi: '/openapi.json' } })
})

test('the document of the API is the one the routes were made from', async () => {
  expect((await get('/openapi.json')).body).toEqual(JSON.parse(JSON.stringify(API)))
})

test('the operations can be read by a person, on a page that runs nothing', async () => {
  const { status, body, headers } = await get('/docs')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; frame-ancestors 'none'/)
  expect(body).toContain('POST /engagements')
  expect(body).toContain('<dt id="keyed">')
  expect(body).toContain('idempotency.key_missing')
  expect(body).toContain('Until 2031-01-01: use open.')
  expect(body).not.toMatch(/<script|style=|onload/)
})

test('machines are told who may use its passkeys and where to report a hole', async () => {
  expect((await get('/.well-known/webauthn')).body).toEqual({ origins: [ORIGIN] })
  expect((await get('/.well-known/passkey-endpoints')).body).toEqual({
    enroll: `${ORIGIN}/console/settings/passkeys`,
    manage: `${ORIGIN}/console/settings/passkeys`,
  })
  const { body, headers } = await get('/.well-known/security.txt')
  expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(body).toMatch(/^Contact: mailto:safe@example.org\nExpires: \d{4}-\d\d-\d\dT[\d:.]+Z\nCanonical: /)
})

describe('health:', () => {
  test('it lives and is ready', async () => {
    expect(await get('/livez')).toMatchObject({ status: 200, body: { ok: true } })
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { ready: true } })
  })

  test('it is not ready while identity is down, and again when it is back; it lives all the time', async () => {
    bench.identity.down = true
    await eventually(async () => expect(await get('/readyz')).toMatchObject({ status: 503, body: { ready: false } }))
    expect(await get('/livez')).toMatchObject({ status: 200 })
    bench.identity.down = false
    await eventually(async () => expect(await get('/readyz')).toMatchObject({ status: 200 }))
  })

  test('the details are told on the port of the operators alone', async () => {
    const ops = `http://127.0.0.1:${bench.platform.environment.OPS_PORT}`
    expect(await (await fetch(`${ops}/readyz`)).json()).toMatchObject({ ready: true, dependencies: { identity: 'ok' } })
    await get('/catalogue/open')
    await eventually(async () => {
      const metrics = await (await fetch(`${ops}/metrics`)).text()
      expect(metrics).toMatch(/http_request_duration_seconds_count\{service="gateway",operation="open",status="200"\} 1\n/)
    })
    expect((await fetch(`${ops}/openapi.json`)).status).toBe(404)
    expect(await get('/metrics')).toMatchObject({ status: 404 })
  })
})

test.each([
  '/claim',
  '/console',
  '/console/',
  '/console/index.html',
  '/internal/keys',
  '/internal/introspect',
  '/LIVEZ',
  '/livez/',
  '/openapi.json/',
  '/favicon.ico',
])('there is nothing at %s', async (target) => {
  expect(await get(target)).toMatchObject({ status: 404, body: { code: 'route_not_found' } })
})

describe('with a console', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lw-console-'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  afterAll(() => rmSync(folder, { recursive: true }))
  const withConsole = (rateIp: string) => gatewayBench({ adminUrl: inject('adminUrl'), environment: { CONSOLE_DIR: folder, RATE_IP: rateIp } })

  test('its files and our pages take from what an address may ask, and tell how it stands only where nobody keeps them', async () => {
    await using limited = await withConsole('5/h')
    const told = async (target: string) => {
      const { status, headers } = await limited.ask('GET', target, { headers: { accept: 'text/html' } })
      return [status, headers.get('ratelimit')?.split(';t=', 1)[0]]
    }
    expect(await told('/console/')).toEqual([200, undefined])
    expect(await told('/')).toEqual([200, undefined])
    expect(await told('/claim')).toEqual([200, undefined])
    expect(await told('/docs')).toEqual([200, '"ip";r=1'])
    expect(await told('/openapi.json')).toEqual([200, '"ip";r=0'])
    for (const target of ['/console/', '/docs', '/catalogue/open']) expect(await told(target), target).toEqual([429, '"ip";r=0'])
    for (const target of ['/livez', '/readyz']) expect(await told(target), target).toEqual([200, undefined])
  })

  test.each(['/claim', '/console/', '/console/settings', '/console/index.html'])('%s is read, and nothing else', async (target) => {
    await using open = await withConsole('1000/s')
    const { status, body, headers } = await open.ask('POST', target)
    expect([status, body.code, headers.get('allow')]).toEqual([405, 'method_not_allowed', 'GET, HEAD'])
    expect((await open.ask('HEAD', target)).status).toBe(200)
    expect((await open.ask('POST', '/console/no.js')).status).toBe(404)
  })
})

test.each(['POST', 'PUT', 'HEAD', 'DELETE'])('its pages are read, not %s', async (method) => {
  const { status, headers } = await bench.ask(method, '/livez')
  expect([status, headers.get('allow')]).toEqual([405, 'GET'])
})

test('on https the browser is told to stay there', async () => {
  await using secure = await gatewayBench({ adminUrl: inject('adminUrl'), environment: { PUBLIC_ORIGIN: 'https://loom.example.org' } })
  for (const target of ['/', '/catalogue/open', '/nothing'])
    expect((await secure.ask('GET', target)).headers.get('strict-transport-security'), target).toBe('max-age=31536000; includeSubDomains')
  const cookie = `__Host-lw=${secure.token()}`
  expect(await secure.ask('GET', '/engagements/e1', { headers: { cookie } })).toMatchObject({ status: 200 })
  expect(await secure.ask('GET', '/engagements/e1', { headers: { cookie: cookie.replace('__Host-', '') } })).toMatchObject({ status: 401 })
})

test.each([
  ['TRUST_PROXY', 'true'],
  ['TRUST_PROXY', '1'],
  ['TRUST_PROXY', '10.0.0.0'],
  ['RATE_IP', '10 per minute'],
  ['LIMITS', 'no'],
  ['PUBLIC_ORIGIN', 'loom.example.org'],
  ['ALLOWED_ORIGINS', 'https://a.example.org, *'],
  ['ALLOWED_ORIGINS', 'https://a.example.org/'],
  ['OPS_PORT', '0'],
])('does not start with %s=%s, and says which setting it is', async (name, value) => {
  const platform = { ...bench.platform, environment: { PUBLIC_ORIGIN: ORIGIN, [name]: value } }
  await expect(startService(gatewayWith(API), platform)).rejects.toMatchObject({
    code: 'config.invalid',
    message: expect.stringMatching(new RegExp(`^gateway cannot start: ${name}.*\\.$`)),
  })
})

test('stops although clients keep their connections and follow streams', async () => {
  const leaving = await gatewayBench({ adminUrl: inject('adminUrl') })
  const stream = await fetch(`${leaving.url}/jobs/events`, { headers: { authorization: `Bearer ${leaving.token()}` } })
  await leaving.ask('GET', '/livez')
  const began = performance.now()
  await leaving[Symbol.asyncDispose]()
  expect(performance.now() - began).toBeLessThan(4000)
  await expect(stream.text()).resolves.toContain('event: open')
})
