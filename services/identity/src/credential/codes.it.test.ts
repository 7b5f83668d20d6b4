// The factors that are not a passkey: the authenticator app, and recovery codes.
import { many, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { toldSinceSignup } from '../credential-story.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { codeOf, type SignedUp, signedUp } from '../signing-up.ts'

const STEP_MS = 30_000
const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = () => signedUp(bench, { email: `f${++next}@example.org` })
type Held = Pick<SignedUp, 'session'>
const told = (personId: string) => toldSinceSignup(bench, personId)

describe('the authenticator app', () => {
  const offer = async ({ session }: Held) => (await bench.ask('POST', '/me/credentials/totp/begin', { session, body: {} })).body
  const verify = ({ session }: Held, code: string) => bench.ask('POST', '/me/credentials/totp/verify', { session, body: { code } })
  const stepUp = ({ session }: Held, secret: string, later = 1) =>
    bench.ask('POST', '/auth/step-up/finish', { session, body: { totp_code: codeOf(secret, clock.now(), later) } })

  test('is replaced once a code of the new secret is shown, and not before', async () => {
    const ada = await person()
    const { totp, expires_at } = await offer(ada)
    expect(totp.otpauth_uri).toContain(`secret=${totp.secret}`)
    expect(Date.parse(expires_at)).toBeGreaterThan(clock.now())
    expect(await verify(ada, codeOf(ada.totpSecret, clock.now(), 1))).toMatchObject({ status: 401, body: { code: 'totp.invalid', attempts_left: 4 } })
    const { session } = (await stepUp(ada, ada.totpSecret)).body
    expect(await verify({ session: session.token }, codeOf(totp.secret, clock.now()))).toMatchObject({
      status: 200,
      body: { confirmed_at: expect.any(String) },
    })
    expect(await told(ada.personId)).toMatchObject([
      { type: 'CredentialRemoved', revision: 7, kind: 'totp', reason: 'replaced' },
      { type: 'CredentialAdded', revision: 8, kind: 'totp' },
    ])
    clock.advance(2 * STEP_MS)
    expect(await stepUp({ session: session.token }, ada.totpSecret)).toMatchObject({ status: 401 })
    expect(await stepUp({ session: session.token }, totp.secret, 0)).toMatchObject({ status: 200 })
  })

  test('the code that confirmed it opens nothing else', async () => {
    const ada = await person()
    const { totp } = await offer(ada)
    await verify(ada, codeOf(totp.secret, clock.now()))
    expect(await stepUp(ada, totp.secret, 0)).toMatchObject({ status: 401, body: { code: 'totp.invalid' } })
    expect(await stepUp(ada, totp.secret, 1)).toMatchObject({ status: 200 })
  })

  test('takes the last offer alone, within ten minutes, once', async () => {
    const ada = await person()
    const first = await offer(ada)
    const second = await offer(ada)
    expect(await verify(ada, codeOf(first.totp.secret, clock.now()))).toMatchObject({ status: 401 })
    expect(await verify(ada, codeOf(second.totp.secret, clock.now()))).toMatchObject({ status: 200 })
    expect(await verify(ada, codeOf(second.totp.secret, clock.now(), 1))).toMatchObject({ status: 401 })
    const third = await offer(ada)
    await bench.db.query(sql`update identity.totp_offers set expires_at = ${new Date(clock.now()).toISOString()} where person_id = ${ada.personId}`)
    expect(await verify(ada, codeOf(third.totp.secret, clock.now()))).toMatchObject({ status: 401, body: { code: 'totp.invalid' } })
  })

  test('who shows wrong codes waits', async () => {
    const ada = await person()
    const { totp } = await offer(ada)
    for (let count = 0; count < 5; count++) expect(await verify(ada, codeOf(totp.secret, clock.now(), 40))).toMatchObject({ status: 401 })
    expect(await verify(ada, codeOf(totp.secret, clock.now()))).toMatchObject({ status: 429, body: { code: 'totp.throttled' } })
  })
})

describe('recovery codes', () => {
  const renew = ({ session }: Held) => bench.ask('POST', '/me/credentials/recovery-codes', { session })

  test('are ten new ones, shown once; the old ones are void', async () => {
    const ada = await person()
    const { status, body } = await renew(ada)
    expect(status).toBe(200)
    expect(body.codes).toHaveLength(10)
    expect(body.codes[0]).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/)
    expect(body.codes).not.toEqual(expect.arrayContaining([ada.recoveryCodes[0]]))
    const sets = await many(
      bench.db,
      z.object({ n: z.int() }),
      sql`select count(*)::integer as n from identity.recovery_codes where person_id = ${ada.personId} group by set_id`,
    )
    expect(sets).toEqual([{ n: 10 }])
    expect(await told(ada.personId)).toMatchObject([
      { type: 'CredentialRemoved', kind: 'recovery_codes', reason: 'replaced' },
      { type: 'CredentialAdded', kind: 'recovery_codes' },
    ])
    expect(JSON.stringify(await told(ada.personId))).not.toContain(body.codes[0])
  })

  test('made at once many times leave one set of ten', async () => {
    const ada = await person()
    await Promise.all(Array.from({ length: 10 }, () => renew(ada)))
    const sets = await many(
      bench.db,
      z.object({ n: z.int() }),
      sql`select count(*)::integer as n from identity.recovery_codes where person_id = ${ada.personId} group by set_id`,
    )
    expect(sets).toEqual([{ n: 10 }])
  })
})
