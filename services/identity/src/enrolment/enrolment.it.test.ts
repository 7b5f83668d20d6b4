import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exec, one, sql } from '@loomworks/sql'
import { eventually, fakeClock, type Lies, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench, ORIGIN } from '../identity-bench.ts'
import { adminGrant } from '../roles.ts'
import { codeOf, loggedIn, type SignedUp, signedUp } from '../signing-up.ts'
import { sweep } from '../sweeping.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const clock = fakeClock()
let bench: IdentityBench
let root: SignedUp
let mailbox: string
beforeAll(async () => {
  mailbox = await mkdtemp(path.join(tmpdir(), 'lw-mail-'))
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock, environment: { MAILBOX_DIR: mailbox } })
  root = await signedUp(bench, { email: 'root@example.org' })
  await adminGrant(bench.db, 'root@example.org')
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = () => signedUp(bench, { email: `e${++next}@example.org` })
/** As an imported person is: no way in yet. */
async function withoutFactors() {
  const ada = await person()
  await exec(bench.db, sql`update identity.webauthn_credentials set state = 'removed' where person_id = ${ada.personId}`)
  await exec(bench.db, sql`delete from identity.totp_factors where person_id = ${ada.personId}`)
  await exec(bench.db, sql`delete from identity.recovery_codes where person_id = ${ada.personId}`)
  return ada
}
async function issue(personId: string) {
  // Of fifty sessions of one moment nobody can say which is the oldest.
  clock.advance(1)
  const { session } = (await loggedIn(bench, root.authenticator)).body
  return bench.ask('POST', `/admin/persons/${personId}/enrolment-token`, { session: session.token })
}
const bearer = (token: string) => ({ 'x-client-authorization': `Bearer ${token}` })
const begin = (token: string) => bench.ask('POST', '/auth/enrol/begin', { body: {}, headers: bearer(token) })
const finish = (token: string, body: object) => bench.ask('POST', '/auth/enrol/finish', { body, headers: bearer(token) })

/** The first two steps: a passkey, and the factors that came for it. */
async function prepared(token: string, more: object = {}, lies: Lies = {}) {
  const authenticator = new SoftwareAuthenticator({ origin: ORIGIN })
  const { body } = await begin(token)
  const answer = await finish(token, { challenge_id: body.challenge_id, credential: authenticator.register(body.options, lies), ...more })
  return { authenticator, answer }
}
const confirm = (token: string, secret: string, more: object = {}) =>
  finish(token, { totp_code: codeOf(secret, clock.now()), session_delivery: 'bearer', ...more })

/** The token that was mailed to somebody. */
function mailedTo(email: string): Promise<string> {
  return eventually(async () => {
    const letters = await Promise.all((await readdir(mailbox)).map((file) => readFile(path.join(mailbox, file), 'utf8')))
    const token = letters
      .filter((letter) => letter.includes(email))
      .map((letter) => /lwe_[\w-]{43}_[0-9a-f]{6}/.exec(letter.replaceAll('=\r\n', '').replaceAll('=\n', '').replaceAll('=3D', '='))?.[0])
      .at(-1)
    expect(token).toBeDefined()
    return token ?? ''
  })
}

/** Until some statement here waits for what another transaction holds. */
const waitingForLock = () =>
  eventually(async () => {
    const waiting = sql`select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    expect((await one(bench.db, z.object({ n: z.int() }), waiting)).n).toBe(1)
  })

/** So many facts about a person are told by their signup. */
const OF_SIGNUP = 6
async function told(personId: string) {
  return (await bench.told(/./, personId)).filter(({ revision = Number.POSITIVE_INFINITY }) => revision > OF_SIGNUP)
}

describe('a person without any factor', () => {
  test('gets in with a token that is shown: passkey, then authenticator and codes, then a session', async () => {
    const ada = await withoutFactors()
    const issued = await issue(ada.personId)
    expect(issued).toMatchObject({ status: 201, body: { token: expect.stringMatching(/^lwe_[\w-]{43}_[0-9a-f]{6}$/) } })
    expect(Date.parse(issued.body.expires_at)).toBe(clock.now() + HOUR_MS)
    const { authenticator, answer } = await prepared(issued.body.token, { credential_name: 'Phone' })
    expect(answer).toMatchObject({ status: 200, body: { totp: { secret: expect.any(String) }, expires_at: issued.body.expires_at } })
    expect(answer.body.recovery_codes).toHaveLength(10)
    expect(await loggedIn(bench, authenticator)).toMatchObject({ status: 401 })
    const entered = await confirm(issued.body.token, answer.body.totp.secret)
    expect(entered).toMatchObject({ status: 200, body: { person: { id: ada.personId, recovery_codes_left: 10 }, session: { token: expect.any(String) } } })
    expect(await loggedIn(bench, authenticator)).toMatchObject({ status: 200 })
    const factors = await bench.ask('GET', '/me/credentials', { session: entered.body.session.token })
    expect(factors.body).toMatchObject({ passkeys: [{ display_name: 'Phone' }], totp: {}, recovery_codes: { left: 10 } })
    const facts = await told(ada.personId)
    expect(facts.map(({ type, data }) => [type, data.kind ?? data.reason])).toEqual(
      expect.arrayContaining([
        ['EnrolmentTokenIssued', undefined],
        ['CredentialAdded', 'passkey'],
        ['CredentialAdded', 'totp'],
        ['CredentialAdded', 'recovery_codes'],
        ['SessionRevoked', 'recovery'],
      ]),
    )
    expect(JSON.stringify(facts)).not.toContain(issued.body.token)
  })

  test('who is locked while the code is looked at gets nothing', async () => {
    const ada = await withoutFactors()
    const { token } = (await issue(ada.personId)).body
    const { authenticator, answer } = await prepared(token)
    const { entering } = await bench.db.transaction(async (tx) => {
      await exec(tx, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
      const asked = confirm(token, answer.body.totp.secret)
      await waitingForLock()
      return { entering: asked }
    })
    expect(await entering).toMatchObject({ status: 401, body: { code: 'token_refused' } })
    await exec(bench.db, sql`update identity.persons set state = 'active' where id = ${ada.personId}`)
    expect(await loggedIn(bench, authenticator)).toMatchObject({ status: 401, body: { code: 'login.refused' } })
  })

  test('whose token got lost gets another one, and the first is void', async () => {
    const ada = await withoutFactors()
    const first = (await issue(ada.personId)).body.token
    const second = (await issue(ada.personId)).body.token
    expect(await begin(first)).toMatchObject({ status: 404, body: { code: 'enrolment.unknown' } })
    expect(await begin(second)).toMatchObject({ status: 200 })
  })

  test('goes by cookie where nothing else is asked', async () => {
    const { token } = (await issue((await withoutFactors()).personId)).body
    const { totp } = (await prepared(token)).answer.body
    const answer = await finish(token, { totp_code: codeOf(totp.secret, clock.now()) })
    expect(answer.body.session).not.toHaveProperty('token')
    expect(answer.cookies[0]).toMatch(/^lw=lws_/)
  })
})

describe('a person with a factor', () => {
  test('is mailed the token, which waits a day, is good for an hour, and is shown to nobody', async () => {
    const ada = await person()
    const email = `e${next}@example.org`
    const issued = await issue(ada.personId)
    expect(issued.status).toBe(202)
    expect(issued.body).toEqual({
      usable_from: new Date(clock.now() + DAY_MS).toISOString(),
      expires_at: new Date(clock.now() + DAY_MS + HOUR_MS).toISOString(),
    })
    const token = await mailedTo(email)
    expect(await begin(token)).toMatchObject({ status: 409, body: { code: 'enrolment.waiting', usable_from: issued.body.usable_from } })
    expect(await finish(token, { totp_code: '000000' })).toMatchObject({ status: 409, body: { code: 'enrolment.waiting' } })
    clock.advance(DAY_MS)
    const { authenticator, answer } = await prepared(token)
    expect(await confirm(token, answer.body.totp.secret)).toMatchObject({ status: 200 })
    expect(await loggedIn(bench, authenticator)).toMatchObject({ status: 200 })
    expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 200 })
    const facts = await told(ada.personId)
    expect(facts.filter(({ type }) => type === 'CredentialRemoved').map(({ data }) => [data.kind, data.reason])).toEqual([
      ['totp', 'replaced'],
      ['recovery_codes', 'replaced'],
    ])
  })

  test('loses every session there was', async () => {
    const ada = await person()
    await issue(ada.personId)
    const token = await mailedTo(`e${next}@example.org`)
    clock.advance(DAY_MS)
    const session = (await loggedIn(bench, ada.authenticator)).body.session.token
    const { totp } = (await prepared(token)).answer.body
    await confirm(token, totp.secret)
    expect((await bench.introspect(session)).body).toMatchObject({ active: false })
  })

  test('is told of it, stops it by any session, and it stays stopped', async () => {
    const ada = await person()
    const mine = (method: 'GET' | 'DELETE', session = ada.session) => bench.ask(method, '/me/enrolment', { session })
    expect(await mine('GET')).toMatchObject({ status: 404, body: { code: 'enrolment.unknown' } })
    expect(await mine('DELETE')).toMatchObject({ status: 404, body: { code: 'enrolment.unknown' } })
    const issued = await issue(ada.personId)
    const token = await mailedTo(`e${next}@example.org`)
    expect(await mine('GET')).toMatchObject({ status: 200, body: { ...issued.body, issued_at: new Date(clock.now()).toISOString() } })
    const totp_code = codeOf(ada.totpSecret, clock.now(), 1)
    const recovery = await bench.ask('POST', '/auth/login/recovery', {
      body: { email: `e${next}@example.org`, totp_code, recovery_code: ada.recoveryCodes[0], session_delivery: 'bearer' },
    })
    const restricted = recovery.body.session.token
    expect(await mine('GET', restricted)).toMatchObject({ status: 200 })
    expect(await mine('DELETE', restricted)).toMatchObject({ status: 204 })
    expect(await mine('GET')).toMatchObject({ status: 404 })
    clock.advance(DAY_MS)
    expect(await begin(token)).toMatchObject({ status: 404, body: { code: 'enrolment.unknown' } })
  })

  test('is not made to wait less, or longer, by a second token', async () => {
    const ada = await person()
    const first = await issue(ada.personId)
    clock.advance(HOUR_MS)
    expect(await issue(ada.personId)).toMatchObject({ status: 409, body: { code: 'enrolment.waiting', usable_from: first.body.usable_from } })
    clock.advance(DAY_MS)
    expect(await issue(ada.personId)).toMatchObject({ status: 202 })
  })

  test('is looked after only by themselves', async () => {
    const [ada, eve] = [await person(), await person()]
    await issue(ada.personId)
    expect(await bench.ask('DELETE', '/me/enrolment', { session: eve.session })).toMatchObject({ status: 404 })
    expect(await bench.ask('GET', '/me/enrolment', { session: ada.session })).toMatchObject({ status: 200 })
    expect(await bench.ask('GET', '/me/enrolment')).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })
})

describe('a token', () => {
  test('is for a person who is active, and exists', async () => {
    const ada = await person()
    for (const state of ['locked', 'erasing']) {
      await exec(bench.db, sql`update identity.persons set state = ${state} where id = ${ada.personId}`)
      expect(await issue(ada.personId)).toMatchObject({ status: 409, body: { code: 'person.state', from: state } })
    }
    expect(await issue('01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44')).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('opens nothing while the person is locked', async () => {
    const ada = await withoutFactors()
    const { token } = (await issue(ada.personId)).body
    const { totp } = (await prepared(token)).answer.body
    await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
    expect(await begin(token)).toMatchObject({ status: 403, body: { code: 'account_locked' } })
    expect(await confirm(token, totp.secret)).toMatchObject({ status: 403, body: { code: 'account_locked' } })
  })

  test('that is unknown, missing or used is unknown; one that is too old says so', async () => {
    const ada = await withoutFactors()
    const { token } = (await issue(ada.personId)).body
    for (const each of [`lwe_${'x'.repeat(43)}_000000`, 'x', ada.session])
      expect(await begin(each)).toMatchObject({ status: 404, body: { code: 'enrolment.unknown' } })
    expect(await bench.ask('POST', '/auth/enrol/begin', { body: {} })).toMatchObject({ status: 404 })
    const { totp } = (await prepared(token)).answer.body
    clock.advance(HOUR_MS)
    expect(await begin(token)).toMatchObject({ status: 410, body: { code: 'enrolment.expired' } })
    expect(await confirm(token, totp.secret)).toMatchObject({ status: 410, body: { code: 'enrolment.expired' } })
    const again = (await issue(ada.personId)).body.token
    const second = (await prepared(again)).answer.body
    expect(await confirm(again, second.totp.secret)).toMatchObject({ status: 200 })
    expect(await confirm(again, second.totp.secret)).toMatchObject({ status: 404, body: { code: 'enrolment.unknown' } })
  })

  test('wants the passkey first, one that holds, and a code that is right', async () => {
    const { token } = (await issue((await withoutFactors()).personId)).body
    expect(await finish(token, { totp_code: '000000' })).toMatchObject({ status: 409, body: { code: 'enrolment.no_passkey' } })
    expect((await prepared(token, {}, { origin: 'https://evil.example' })).answer).toMatchObject({ status: 401, body: { code: 'passkey.rejected' } })
    const { totp } = (await prepared(token)).answer.body
    const wrong = () => finish(token, { totp_code: codeOf(totp.secret, clock.now(), 40) })
    for (let left = 4; left >= 0; left--) expect(await wrong()).toMatchObject({ status: 401, body: { code: 'totp.invalid', attempts_left: left } })
    expect(await confirm(token, totp.secret)).toMatchObject({ status: 429, body: { code: 'totp.throttled' } })
    clock.advance(30_000)
    expect(await confirm(token, totp.secret)).toMatchObject({ status: 200 })
    expect(await finish(token, {})).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })

  test('whose answer got lost is begun again: the factors shown before are void', async () => {
    const { token } = (await issue((await withoutFactors()).personId)).body
    const first = (await prepared(token)).answer.body
    const second = (await prepared(token)).answer.body
    expect(await confirm(token, first.totp.secret)).toMatchObject({ status: 401 })
    expect(await confirm(token, second.totp.secret)).toMatchObject({ status: 200 })
  })

  test('takes no passkey that somebody has', async () => {
    const { token } = (await issue((await withoutFactors()).personId)).body
    const { body } = await begin(token)
    const authenticator = new SoftwareAuthenticator({ origin: ORIGIN })
    const credential = authenticator.register(body.options)
    const id = Buffer.from(credential.id, 'base64url')
    await exec(bench.db, sql`update identity.webauthn_credentials set credential_id = ${id} where person_id = ${root.personId} and state = 'active'`)
    expect(await finish(token, { challenge_id: body.challenge_id, credential })).toMatchObject({ status: 409, body: { code: 'credential.taken' } })
    const own = root.authenticator.passkeys[0]?.id
    await exec(bench.db, sql`update identity.webauthn_credentials set credential_id = ${own} where person_id = ${root.personId} and state = 'active'`)
  })

  test('opens nothing where the person has twenty passkeys', async () => {
    const ada = await withoutFactors()
    const { token } = (await issue(ada.personId)).body
    const { totp } = (await prepared(token)).answer.body
    await exec(
      bench.db,
      sql`insert into identity.webauthn_credentials (id, person_id, credential_id, public_key, alg, sign_count, aaguid, backup_eligible, backup_state, display_name, state)
          select gen_random_uuid(), ${ada.personId}, decode(md5(${ada.personId} || n), 'hex'), '', -7, 0, gen_random_uuid(), false, false, 'x', 'active'
            from generate_series(1, 20) as n`,
    )
    expect(await begin(token)).toMatchObject({ status: 409, body: { code: 'credential.limit' } })
    expect(await confirm(token, totp.secret)).toMatchObject({ status: 409, body: { code: 'credential.limit' } })
  })

  test('is kept as a hash, and what was prepared is forgotten with its time', async () => {
    const ada = await withoutFactors()
    const { token } = (await issue(ada.personId)).body
    const { recovery_codes } = (await prepared(token)).answer.body
    const row = () =>
      one(bench.db, z.object({ text: z.string() }), sql`select t::text as text from identity.enrolment_tokens t where person_id = ${ada.personId}`)
    const { text } = await row()
    for (const secret of [token, recovery_codes[0], recovery_codes[0].replaceAll('-', '')]) expect(text).not.toContain(secret)
    clock.advance(HOUR_MS)
    const parts = { db: bench.db, clock, signing: { rotate: async () => undefined } } as unknown as Parameters<typeof sweep>[0]
    await sweep(parts)
    const { held } = await one(
      bench.db,
      z.object({ held: z.boolean() }),
      sql`select credential is not null or totp_sealed is not null or recovery_digests is not null as held from identity.enrolment_tokens where person_id = ${ada.personId}`,
    )
    expect(held).toBe(false)
    expect(await begin(token)).toMatchObject({ status: 410 })
  })
})

test('where no letters are sent, who has a factor gets no token', async () => {
  await using silent = await identityBench({ adminUrl: inject('adminUrl'), clock })
  const admin = await signedUp(silent, { email: 'root@example.org' })
  await adminGrant(silent.db, 'root@example.org')
  const ada = await signedUp(silent, { email: 'ada@example.org' })
  const answer = await silent.ask('POST', `/admin/persons/${ada.personId}/enrolment-token`, { session: admin.session })
  expect(answer).toMatchObject({ status: 503, body: { code: 'mail.not_configured' } })
})

test('of fifty uses at once of one token one passkey comes', async () => {
  const ada = await withoutFactors()
  const { token } = (await issue(ada.personId)).body
  const { totp } = (await prepared(token)).answer.body
  await Promise.all(Array.from({ length: 50 }, () => confirm(token, totp.secret)))
  const keys = sql`select count(*)::integer as n from identity.webauthn_credentials where person_id = ${ada.personId} and state = 'active'`
  expect(await one(bench.db, z.object({ n: z.int() }), keys)).toEqual({ n: 1 })
})
