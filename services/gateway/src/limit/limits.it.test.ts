// How often: per address and per principal, over real sockets behind a proxy we trust (identity page §13.3).
import { newId } from '@loomworks/kernel'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { bearer, type GatewayBench, gatewayBench } from '../gateway-bench.ts'

const clock = fakeClock()
// The rates that stand where nothing is set.
const STANDARD = {
  RATE_IP: '20/s:40',
  RATE_AUTH: '10/min',
  RATE_SIGNUP_BEGIN: '10/h',
  RATE_CLAIM: '10/min',
  RATE_PERSON: '50/s:100',
  RATE_AGENT: '100/s:200',
}
let behindProxy: GatewayBench
let direct: GatewayBench

beforeAll(async () => {
  const adminUrl = inject('adminUrl')
  behindProxy = await gatewayBench({ adminUrl, clock, environment: { ...STANDARD, TRUST_PROXY: '127.0.0.0/8' } })
  direct = await gatewayBench({ adminUrl, clock, environment: STANDARD })
})
afterAll(async () => {
  await behindProxy[Symbol.asyncDispose]()
  await direct[Symbol.asyncDispose]()
})

let hosts = 0
// Of the range that is kept for measurements (RFC 2544).
const address = () => `198.18.${(++hosts >> 8) & 255}.${hosts & 255}`
const from = (client: string) => (method: string, target: string) => behindProxy.ask(method, target, { headers: { 'x-forwarded-for': client } })

/** How many of so many requests pass. */
async function passing(ask: (at: number) => Promise<{ status: number }>, times: number): Promise<number> {
  let passed = 0
  for (let at = 0; at < times; at++) if ((await ask(at)).status !== 429) passed++
  return passed
}

describe('an address', () => {
  test('may send 40 at once, then 20 a second', async () => {
    const ask = from(address())
    expect(await passing(() => ask('GET', '/catalogue/open'), 45)).toBe(40)
    clock.advance(1000)
    expect(await passing(() => ask('GET', '/catalogue/open'), 25)).toBe(20)
  })

  test('may try a log-in ten times a minute, and go on elsewhere meanwhile', async () => {
    const ask = from(address())
    expect(await passing(() => ask('POST', '/auth/login/passkey/begin'), 12)).toBe(10)
    expect(await ask('GET', '/catalogue/open')).toMatchObject({ status: 200 })
    clock.advance(6000)
    expect(await passing(() => ask('POST', '/auth/login/passkey/begin'), 2)).toBe(1)
  })

  test('may begin ten signups an hour', async () => {
    const ask = from(address())
    expect(await passing(() => ask('POST', '/auth/signup/begin'), 12)).toBe(10)
    clock.advance(359_000)
    expect(await ask('POST', '/auth/signup/begin')).toMatchObject({ status: 429 })
    clock.advance(1000)
    expect(await ask('POST', '/auth/signup/begin')).toMatchObject({ status: 204 })
  })

  test('may log out as often as it may ask anything', async () => {
    const ask = from(address())
    expect(await passing(() => ask('POST', '/auth/logout'), 15)).toBe(15)
  })

  test('that has used up what it may send may not log in either', async () => {
    const ask = from(address())
    await passing(() => ask('GET', '/catalogue/open'), 45)
    const answer = await ask('POST', '/auth/login/passkey/begin')
    expect([answer.status, answer.headers.get('ratelimit-policy')]).toEqual([429, '"ip";q=40;w=2'])
  })

  test('takes nothing from another', async () => {
    const ask = from(address())
    await passing(() => ask('POST', '/auth/login/passkey/begin'), 12)
    expect(await from(address())('POST', '/auth/login/passkey/begin')).toMatchObject({ status: 204 })
  })
})

describe('who is known', () => {
  const agent = () => ({ actor: { kind: 'agent' as const, id: newId<'agent'>(), instructionVersion: 1 }, scopes: ['memory.read' as const] })
  const everywhere = (token: string, target = '/engagements/e1') => {
    const asked = () => behindProxy.ask('GET', target, { headers: { ...bearer(token), 'x-forwarded-for': address() } })
    return asked
  }

  test('may send 100 at once from wherever they are, then 50 a second', async () => {
    const ask = everywhere(behindProxy.token())
    expect(await passing(ask, 105)).toBe(100)
    clock.advance(1000)
    expect(await passing(ask, 55)).toBe(50)
  })

  test('as an agent may send 200, then 100 a second', async () => {
    const ask = everywhere(behindProxy.token(agent()), '/catalogue/agents')
    expect(await passing(ask, 210)).toBe(200)
    clock.advance(500)
    expect(await passing(ask, 55)).toBe(50)
  })

  test('is told how both stand, and how long to wait', async () => {
    const token = behindProxy.token()
    const first = await everywhere(token)()
    expect(first.headers.get('ratelimit')).toBe('"ip";r=39;t=1, "person";r=99;t=1')
    expect(first.headers.get('ratelimit-policy')).toBe('"ip";q=40;w=2, "person";q=100;w=2')
    await passing(everywhere(token), 99)
    const before = behindProxy.seen.length
    const refused = await everywhere(token)()
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('ratelimit')).toBe('"ip";r=39;t=1, "person";r=0;t=1')
    expect(behindProxy.seen.length).toBe(before)
  })

  test('in two sessions is one person', async () => {
    const actor = { kind: 'person' as const, id: newId<'person'>() }
    await passing(everywhere(behindProxy.token({ actor })), 60)
    expect(await passing(everywhere(behindProxy.token({ actor, sessionId: newId() })), 60)).toBe(40)
  })

  test('takes nothing from another', async () => {
    await passing(everywhere(behindProxy.token()), 105)
    expect(await everywhere(behindProxy.token())()).toMatchObject({ status: 200 })
  })

  test('and may not do what they ask is refused for that, and it counts for nothing', async () => {
    const ask = everywhere(behindProxy.token(agent()))
    expect(await passing(ask, 120)).toBe(120)
    expect((await ask()).body).toMatchObject({ code: 'auth.actor_refused' })
  })
})

describe('the answer', () => {
  test('says where one stands, a refused one too', async () => {
    const ask = from(address())
    const first = await ask('GET', '/engagements/e1')
    expect(first.status).toBe(401)
    expect(first.headers.get('ratelimit')).toBe('"ip";r=39;t=1')
    expect(first.headers.get('ratelimit-policy')).toBe('"ip";q=40;w=2')
    const login = await ask('POST', '/auth/login/passkey/begin')
    expect(login.headers.get('ratelimit')).toBe('"auth";r=9;t=6')
    expect(login.headers.get('ratelimit-policy')).toBe('"auth";q=10;w=60')
  })

  test('to one too many says when to come again, and reaches no service', async () => {
    const ask = from(address())
    await passing(() => ask('POST', '/auth/login/passkey/begin'), 10)
    const before = behindProxy.identity.passedOn.length
    const answer = await ask('POST', '/auth/login/passkey/begin')
    expect(answer).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(answer.headers.get('retry-after')).toBe('6')
    expect(answer.headers.get('ratelimit')).toBe('"auth";r=0;t=6')
    expect(answer.headers.get('ratelimit-policy')).toBe('"auth";q=10;w=60')
    expect(behindProxy.identity.passedOn.length).toBe(before)
  })

  test('about health counts for nothing', async () => {
    const ask = from(address())
    expect(await passing(() => ask('GET', '/livez'), 60)).toBe(60)
    expect((await ask('GET', '/livez')).headers.get('ratelimit')).toBeNull()
  })
})

describe('is no way around:', () => {
  test('another address of the same /64', async () => {
    expect(await passing((at) => from(`2001:db8:0:7::${at + 1}`)('POST', '/auth/login/passkey/begin'), 12)).toBe(10)
    expect(await from('2001:db8:0:8::1')('POST', '/auth/login/passkey/begin')).toMatchObject({ status: 204 })
  })

  test('what the client itself wrote before the proxy', async () => {
    const client = address()
    expect(await passing((at) => from(`198.51.100.${at}, ${client}`)('POST', '/auth/login/passkey/begin'), 12)).toBe(10)
  })

  test('X-Forwarded-For, where no proxy is trusted', async () => {
    const ask = (at: number) =>
      direct.ask('POST', '/auth/login/passkey/begin', {
        headers: { 'x-forwarded-for': `198.51.100.${at}`, forwarded: `for=198.51.100.${at}`, 'x-real-ip': `198.51.100.${at}` },
      })
    expect(await passing(ask, 12)).toBe(10)
  })

  test('another way to write the same address', async () => {
    const ask = (client: string) => from(client)('POST', '/auth/login/passkey/begin')
    const ways = ['2001:db8:0:9::1', '2001:DB8:0:9::1', '2001:0db8:0000:0009:0:0:0:1', '2001:db8:0:9:ffff:ffff:ffff:ffff']
    expect(await passing((at) => ask(ways[at % ways.length] ?? ''), 12)).toBe(10)
    const plain = address()
    expect(await passing((at) => ask(at % 2 === 0 ? plain : `::ffff:${plain}`), 12)).toBe(10)
  })

  test('an address that is none: such requests share the one of the proxy', async () => {
    const ways = ['unknown', '198.18.0.1:4400', '[2001:db8::1]', '', '198.18.0.1%eth0']
    expect(await passing((at) => from(ways[at % ways.length] ?? '')('POST', '/auth/login/passkey/begin'), 12)).toBe(10)
    clock.advance(60_000)
  })

  test('another method, said or meant', async () => {
    const client = address()
    const ask = from(client)
    await passing(() => ask('POST', '/auth/login/passkey/begin'), 10)
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'])
      expect(await ask(method, '/auth/login/passkey/begin'), method).toMatchObject({ status: 405 })
    const overridden = { 'x-forwarded-for': client, 'x-http-method-override': 'POST', 'x-method-override': 'POST' }
    expect(await behindProxy.ask('GET', '/auth/login/passkey/begin', { headers: overridden })).toMatchObject({ status: 405 })
    expect(await behindProxy.ask('POST', '/auth/login/passkey/begin', { headers: overridden })).toMatchObject({ status: 429 })
  })

  test('another credential, or none', async () => {
    const client = address()
    const ask = (headers: Record<string, string>) =>
      behindProxy.ask('POST', '/auth/login/passkey/begin', { headers: { ...headers, 'x-forwarded-for': client } })
    const ways = [{}, { authorization: `Bearer lws_${newId()}` }, bearer(behindProxy.token()), { cookie: `lw=${newId()}`, origin: 'http://localhost:4400' }]
    expect(await passing((at) => ask(ways[at % ways.length] ?? {}), 12)).toBe(10)
  })

  test('another way to write the path', async () => {
    const ask = from(address())
    await passing(() => ask('POST', '/auth/login/passkey/begin'), 10)
    for (const target of ['/auth/login/passkey/begin/', '/AUTH/login/passkey/begin', '/auth//login/passkey/begin', '/auth/login/%70asskey/begin'])
      expect(await ask('POST', target), target).toMatchObject({ status: 404 })
    expect(await ask('POST', '/auth/login/passkey/begin?x=1')).toMatchObject({ status: 429 })
  })
})

test('the service is told the address that was found, and by us alone', async () => {
  const client = address()
  await behindProxy.ask('GET', '/catalogue/open', { headers: { 'x-forwarded-for': client, 'x-client-ip': '6.6.6.6' } })
  expect(behindProxy.seen.at(-1)?.headers['x-client-ip']).toBe(client)
  await direct.ask('GET', '/catalogue/open', { headers: { 'x-forwarded-for': client } })
  expect(direct.seen.at(-1)?.headers['x-client-ip']).toBe('127.0.0.1')
})
