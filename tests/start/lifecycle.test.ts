// The life of an instance that a person runs: what it says when it is ready, a second start beside it, how it ends, limits (quality page §1).
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAlive } from '../../dev/processes.ts'
import { freePort, startWhole } from '../whole.ts'
import { databaseOf, type Launched, launch, launchByNpm, type TemporaryDirectory, temporaryDirectory } from './launched.ts'

const STOP_WITHIN_MS = 10_000
const SIGNUPS_AN_HOUR = 10

let place: TemporaryDirectory
beforeAll(() => {
  place = temporaryDirectory()
})
afterAll(() => place[Symbol.dispose]())

describe('one instance, with limits on', () => {
  let instance: Launched
  let settings: { readonly LOOMWORKS_HOME: string; readonly PORT: string }
  let url: string
  let registrationId: string

  beforeAll(async () => {
    const port = String(await freePort())
    settings = { LOOMWORKS_HOME: join(place.path, 'one'), PORT: port }
    url = `http://localhost:${port}`
    instance = launch(settings, ['--json'])
  })
  afterAll(async () => {
    instance.kill('SIGKILL')
    await instance.ended
  })

  test('says in one JSON line where it is and what it runs on', async () => {
    const line = await instance.says('\n')
    expect(line.trimEnd().split('\n')).toHaveLength(1)
    const ready = ['identity', 'memory', 'companion', 'credit', 'audit', 'gateway'].map((name) => ({ name, ready: true, ms: expect.any(Number) }))
    expect(JSON.parse(line)).toEqual({
      url,
      home: settings.LOOMWORKS_HOME,
      eventStore: 'postgres',
      bus: 'postgres',
      database: 'embedded',
      services: expect.arrayContaining(ready),
    })
  })

  test('a second start on its home reports it and does no harm, whatever port it was given', async () => {
    const { code, stdout, stderr } = await launch({ ...settings, PORT: String(await freePort()) }).ended
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `Loomworks is already running at ${url} (process ${instance.pid}).\n`, stderr: '' })
    expect((await fetch(new URL('/readyz', url))).status).toBe(200)
  })

  test('the eleventh signup from one address in an hour is 429 with the time to wait', async () => {
    const begin = (n: number) =>
      fetch(new URL('/auth/signup/begin', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: `limit-${n}@example.org`, display_name: 'Limit' }),
      })
    for (let n = 1; n <= SIGNUPS_AN_HOUR; n++) {
      const begun = await begin(n)
      expect(begun.status).toBe(200)
      registrationId = ((await begun.json()) as { registration_id: string }).registration_id
    }
    const refused = await begin(11)
    expect(refused.headers.get('content-type')).toContain('application/problem+json')
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', status: 429 })
    expect(refused.headers.get('ratelimit-policy')).toBe('"signup_begin";q=10;w=3600')
    const waitS = Number(refused.headers.get('retry-after'))
    expect(waitS).toBeGreaterThan(300)
    expect(waitS).toBeLessThanOrEqual(360)
  })

  test('SIGTERM ends it in order within ten seconds, also with a stream open, and nothing of it is left running', async () => {
    const stream = await fetch(new URL(`/auth/signup/${registrationId}/events`, url))
    expect(stream.status).toBe(200)
    const database = databaseOf(settings.LOOMWORKS_HOME)
    expect(isAlive(database)).toBe(true)
    const began = performance.now()
    instance.kill('SIGTERM')
    expect(await instance.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(performance.now() - began).toBeLessThan(STOP_WITHIN_MS)
    expect(isAlive(database)).toBe(false)
    await expect(fetch(new URL('/livez', url))).rejects.toThrow()
    await stream.text()
  })

  test('for a person it says a line for each step and ends with the URL; without limits it says so, and Ctrl-C ends it', async () => {
    instance = launch({ ...settings, LIMITS: 'off' })
    await instance.says('Loomworks is ready')
    instance.kill('SIGINT')
    const { code, stdout, stderr } = await instance.ended
    const lines = stdout.trimEnd().split('\n')
    expect(lines.slice(0, 5).map((line) => line.trim().split(/ {2,}/)[0])).toEqual(['console', 'PostgreSQL', 'migrations', 'streams', 'services'])
    expect(lines.slice(-3)).toEqual(['  Rate limits are off.', `Loomworks is ready at ${url}`, 'Stopping …'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('npm start that is told to end leaves nothing running', async () => {
    instance = launchByNpm(settings)
    await instance.says('Loomworks is ready')
    const database = databaseOf(settings.LOOMWORKS_HOME)
    instance.kill('SIGTERM')
    expect((await instance.ended).stdout.trimEnd()).toMatch(/Stopping …$/)
    expect(isAlive(database)).toBe(false)
  })
})

test('two homes run side by side and know nothing of each other', async () => {
  await using here = await startWhole()
  await using there = await startWhole()
  const ada = here.newcomer()
  const same = there.newcomer()
  await ada.signUp()
  expect(await same.client.signUp({ email: ada.email, displayName: 'Another Ada' })).toMatchObject({
    person: { email: ada.email, display_name: 'Another Ada' },
  })
  const { token } = ada.client
  expect((await fetch(new URL('/me', here.url), { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
  expect((await fetch(new URL('/me', there.url), { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
  await here.holds()
  await there.holds()
})
