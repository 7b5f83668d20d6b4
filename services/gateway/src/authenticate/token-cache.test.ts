import { newId } from '@loomworks/kernel'
import { fakeClock } from '@loomworks/testing'
import { expect, test } from 'vitest'
import { TokenCache } from './token-cache.ts'

const clock = fakeClock()
const [person, session] = [newId(), newId()]

/** A token as identity would mint it now; the gateway reads its claims and leaves its signature to the service. */
function minted(): string {
  const iat = Math.floor(clock.now() / 1000)
  const claims = {
    iss: 'loomworks-identity',
    aud: 'memory',
    sub: person,
    azp: 'gateway',
    iat,
    exp: iat + 60,
    jti: newId(),
    sid: session,
    act: { kind: 'person', id: person },
    scope: '',
  }
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`
}

function cache() {
  const waiting: (() => void)[] = []
  const asked = new TokenCache({
    introspect: () => new Promise((done) => waiting.push(() => done({ active: true, token: minted(), expiresAt: '', rateClass: 'person' }))),
    now: () => clock.now(),
  })
  return { asked, waiting }
}

test.each([
  ['session', session],
  ['person', person],
])('an answer that was on its way while its %s was dropped is used once and not kept', async (_what, subject) => {
  const { asked, waiting } = cache()
  const found = asked.find('hash', 'memory')
  asked.drop(subject)
  waiting[0]?.()
  expect(await found).toHaveProperty('token')
  expect(asked.size).toBe(0)
  void asked.find('hash', 'memory')
  expect(waiting).toHaveLength(2)
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
  expect(await second).toHaveProperty('token')
  expect(asked.size).toBe(0)
})

test('an answer asked for after the drop is kept until five seconds before its end', async () => {
  const { asked, waiting } = cache()
  asked.drop(session)
  clock.advance(1)
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
