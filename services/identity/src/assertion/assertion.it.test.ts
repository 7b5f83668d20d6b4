import { hashOf } from '@loomworks/kernel'
import { exec, one, sql } from '@loomworks/sql'
import { fakeClock, type Lies } from '@loomworks/testing'
import { verifyAuthenticationResponse } from '@simplewebauthn/server'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench, ORIGIN } from '../identity-bench.ts'
import { type SignedUp, signedUp } from '../signing-up.ts'

const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = () => signedUp(bench, { email: `o${++next}@example.org` })
const contract = (more: object = {}) => ({ kind: 'delegation', id: `d${++next}`, limit: '10.00', ...more })
const begin = (personId: string, operation: object) => bench.internal('companion', 'POST', '/internal/assertions:begin', { personId, operation })
const verify = (challengeId: string, assertion: unknown) => bench.internal('companion', 'POST', '/internal/assertions:verify', { challengeId, assertion })

async function signed(ada: SignedUp, operation: object, lies: Lies = {}) {
  const { body } = await begin(ada.personId, operation)
  return { body, assertion: ada.authenticator.authenticate(body.options, lies) }
}

describe('an operation that a person signs', () => {
  test('is exactly what they were asked for, and whoever doubts it can check it alone', async () => {
    const ada = await person()
    const operation = contract()
    const { body, assertion } = await signed(ada, operation)
    expect(body.operationHash).toBe(hashOf(operation))
    expect(JSON.parse(body.canonical)).toEqual(operation)
    expect(body.options).toMatchObject({ challenge: Buffer.from(hashOf(operation), 'hex').toString('base64url'), userVerification: 'required' })
    const { status, body: attestation } = await verify(body.challengeId, assertion)
    expect(status).toBe(200)
    expect(attestation).toMatchObject({ operationHash: hashOf(operation), credentialId: assertion.id, verifiedAt: expect.any(String) })
    const { verified } = await verifyAuthenticationResponse({
      response: { ...assertion, response: { ...assertion.response, ...pick(attestation) } } as never,
      expectedChallenge: Buffer.from(attestation.operationHash, 'hex').toString('base64url'),
      expectedOrigin: ORIGIN,
      expectedRPID: 'localhost',
      credential: { id: attestation.credentialId, publicKey: Buffer.from(attestation.publicKey, 'base64url'), counter: 0 },
    })
    expect(verified).toBe(true)
  })

  test('allows one thing once', async () => {
    const ada = await person()
    const operation = contract()
    const first = await signed(ada, operation)
    const second = await signed(ada, operation)
    expect(await verify(first.body.challengeId, first.assertion)).toMatchObject({ status: 200 })
    expect(await verify(first.body.challengeId, first.assertion)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    expect(await verify(second.body.challengeId, second.assertion)).toMatchObject({ status: 409, body: { code: 'assertion.used' } })
  })

  test('cannot be another one, or somebody else’s', async () => {
    const [ada, bob] = [await person(), await person()]
    const small = await signed(ada, contract({ limit: '1.00' }))
    const large = await signed(ada, contract({ limit: '1000.00' }))
    expect(await verify(large.body.challengeId, small.assertion)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    const { body } = await begin(ada.personId, contract())
    expect(await verify(body.challengeId, bob.authenticator.authenticate({ ...body.options, allowCredentials: [] }))).toMatchObject({ status: 401 })
  })

  test('is not signed by who was locked meanwhile', async () => {
    const ada = await person()
    const { body, assertion } = await signed(ada, contract())
    await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
    expect(await verify(body.challengeId, assertion)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    expect(
      await one(bench.db, z.object({ n: z.int() }), sql`select count(*)::integer as n from identity.verified_operations where person_id = ${ada.personId}`),
    ).toEqual({ n: 0 })
  })

  test('is asked for five minutes, of who is here', async () => {
    const ada = await person()
    const { body, assertion } = await signed(ada, contract())
    clock.advance(300_000)
    expect(await verify(body.challengeId, assertion)).toMatchObject({ status: 401, body: { code: 'login.challenge_expired' } })
    await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
    expect(await begin(ada.personId, contract())).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test.each<readonly [string, Lies]>([
    ['a wrong signature', { badSignature: true }],
    ['another origin', { origin: 'https://evil.example' }],
    ['another RP', { rpId: 'evil.example' }],
    ['nobody verified', { userVerified: false }],
  ])('is refused with %s', async (_what, lies) => {
    const ada = await person()
    const { body, assertion } = await signed(ada, contract(), lies)
    expect(await verify(body.challengeId, assertion)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })

  test('with a passkey whose counter stands still sets it aside', async () => {
    const ada = await person()
    const first = await signed(ada, contract(), { counter: 5 })
    await verify(first.body.challengeId, first.assertion)
    const second = await signed(ada, contract(), { counter: 5 })
    expect(await verify(second.body.challengeId, second.assertion)).toMatchObject({ status: 403, body: { code: 'credential.clone_suspected' } })
  })

  test('is asked for by who acts for people, and by nobody else', async () => {
    const ada = await person()
    const asked = { personId: ada.personId, operation: contract() }
    expect(await bench.internal('gateway', 'POST', '/internal/assertions:begin', asked)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
    expect(await bench.internal('companion', 'POST', '/internal/assertions:begin', { ...asked, operation: 'x' })).toMatchObject({ status: 422 })
    expect(await bench.internal('companion', 'POST', '/internal/assertions:begin', { ...asked, operation: { text: 'x'.repeat(32_768) } })).toMatchObject({
      status: 422,
    })
  })
})

function pick({ authenticatorData, clientDataJSON, signature }: { authenticatorData: string; clientDataJSON: string; signature: string }) {
  return { authenticatorData, clientDataJSON, signature }
}
