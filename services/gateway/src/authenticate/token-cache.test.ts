import { newId, Transient } from '@loomworks/kernel'
import { fakeClock } from '@loomworks/testing'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { type Introspection, TokenCache } from './token-cache.ts'

const clock = fakeClock()
const [person, session] = [newId(), newId()]

/** A token as identity would mint it now; the gateway reads its claims and leaves its signature to the service. */
function minted(sid: string = session): string {
  const iat = Math.floor(clock.now() / 1000)
  const claims = {
    iss: 'loomworks-identity',
    aud: 'memory',
    sub: person,
    azp: 'gateway',
    iat,
    exp: iat + 60,
    jti: newId(),
    sid,
    act: { kind: 'person', id: person },
    scope: '',
  }
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`
}

type Introspected = z.output<typeof Introspection>

function cache() {
  const waiting: ((says?: Introspected) => void)[] = []
  const mints = (): Introspected => ({ active: true, token: minted(), expiresAt: '', rateClass: 'person' })
  const asked = new TokenCache({
    introspect: () => new Promise((done) => waiting.push((says = mints()) => done(says))),
    now: () => clock.now(),
  })
  return { asked, waiting }
}

const settled = () => new Promise<void>((done) => setImmediate(done))

test.each([
  ['session', session],
  ['person', person],
])('an answer that was on its way while its %s was dropped is asked for again, and only the new one is kept', async (_what, subject) => {
  const { asked, waiting } = cache()
  const found = asked.find('hash', 'memory')
  asked.drop(subject)
  waiting[0]?.()
  await settled()
  expect([waiting.length, asked.size]).toEqual([2, 0])
  waiting[1]?.({ active: false, code: 'session_expired' })
  expect(await found).toEqual({ code: 'session_expired' })
})

test('several drops in a row, as of two roles that are granted at once, make it asked for as often', async () => {
  const { asked, waiting } = cache()
  const found = asked.find('hash', 'memory')
  for (let at = 0; at < 3; at++) {
    asked.drop(person)
    waiting[at]?.()
    await settled()
  }
  waiting[3]?.()
  expect(await found).toHaveProperty('token')
  expect([waiting.length, asked.size]).toEqual([4, 1])
})

test('one that is dropped whenever it is asked for is given up: nothing is told that may be old', async () => {
  const { asked, waiting } = cache()
  const found = asked.find('hash', 'memory')
  const refused = expect(found).rejects.toBeInstanceOf(Transient)
  for (let at = 0; at < 10; at++) {
    asked.drop(session)
    waiting[at]?.()
    await settled()
  }
  await refused
  expect([waiting.length, asked.size]).toEqual([10, 0])
})

test.each([
  ['a drop', (of: TokenCache) => of.drop(newId())],
  ['everything is forgotten', (of: TokenCache) => of.forgetAll()],
])('who comes after %s waits for no answer that was asked for before', async (_what, happens) => {
  const { asked, waiting } = cache()
  const before = [asked.find('hash', 'memory'), asked.find('hash', 'memory')]
  expect(waiting).toHaveLength(1)
  happens(asked)
  const after = asked.find('hash', 'memory')
  expect(waiting).toHaveLength(2)
  waiting[1]?.()
  expect(await after).toHaveProperty('token')
  waiting[0]?.()
  await settled()
  for (const again of waiting.slice(2)) again()
  for (const each of before) expect(await each).toHaveProperty('token')
})

test('when everything is forgotten, so is what was on its way', async () => {
  const { asked, waiting } = cache()
  const [first, second] = [asked.find('first', 'memory'), asked.find('second', 'memory')]
  waiting[0]?.()
  await first
  expect(asked.size).toBe(1)
  asked.forgetAll()
  expect(asked.size).toBe(0)
  waiting[1]?.()
  await settled()
  expect([waiting.length, asked.size]).toEqual([3, 0])
  waiting[2]?.()
  expect(await second).toHaveProperty('token')
  expect(asked.size).toBe(1)
})

test('an answer asked for after the drop is kept until five seconds before its end', async () => {
  const { asked, waiting } = cache()
  asked.drop(session)
  const found = asked.find('hash', 'memory')
  waiting[0]?.()
  await found
  clock.advance(54_000)
  await asked.find('hash', 'memory')
  expect(waiting).toHaveLength(1)
  clock.advance(1000)
  void asked.find('hash', 'memory')
  expect(waiting).toHaveLength(2)
})

/** One whose answers are there at once: each credential is a session of the one person, by its own name. */
function answering(mostEntries?: number) {
  let asked = 0
  const known = new TokenCache({
    introspect: async (hash) => {
      asked++
      return { active: true, token: minted(sessionOf(hash)), expiresAt: '', rateClass: 'person' }
    },
    now: () => clock.now(),
    ...(mostEntries !== undefined && { mostEntries }),
  })
  return { known, asked: () => asked }
}
const sessions = new Map<string, string>()
function sessionOf(hash: string): string {
  const id = sessions.get(hash) ?? newId()
  sessions.set(hash, id)
  return id
}

test('one session of a person is dropped alone, and all of them with the person, for every service', async () => {
  const { known } = answering()
  const fill = async () => {
    clock.advance(1)
    for (const hash of ['phone', 'desk']) for (const audience of ['memory', 'credit'] as const) await known.find(hash, audience)
    expect(known.size).toBe(4)
  }
  await fill()
  known.drop(person)
  expect(known.size).toBe(0)
  await fill()
  known.drop(sessionOf('phone'))
  expect(known.size).toBe(2)
  known.drop(sessionOf('phone'))
  expect(known.size).toBe(2)
  known.drop(person)
  expect(known.size).toBe(0)
})

test('what is kept anew is dropped like the first', async () => {
  const { known, asked } = answering()
  await known.find('phone', 'memory')
  clock.advance(56_000)
  await known.find('phone', 'memory')
  expect([known.size, asked()]).toEqual([1, 2])
  known.drop(person)
  expect(known.size).toBe(0)
})

test('the least used makes room for one more than there is room for', async () => {
  const { known, asked } = answering(2)
  for (const hash of ['first', 'second', 'first', 'third', 'first']) await known.find(hash, 'memory')
  expect([known.size, asked()]).toEqual([2, 3])
  await known.find('second', 'memory')
  expect(asked()).toBe(4)
})

test('what is over makes room, though nobody asks for it again', async () => {
  const { known } = answering()
  for (let n = 0; n < 999; n++) await known.find(`old ${n}`, 'memory')
  clock.advance(56_000)
  await known.find('new', 'memory')
  expect(known.size).toBe(1)
})
