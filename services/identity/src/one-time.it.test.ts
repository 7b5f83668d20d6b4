// ID-INV-7: what is good for one use is good for one, however many come with it at the same moment (identity page §14). ROUNDS says how
// often each is tried: CI asks for a thousand.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exec, sql } from '@loomworks/sql'
import { eventually, fakeClock, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openedBy, somebody } from './belonging-story.ts'
import { type Answer, type IdentityBench, identityBench, ORIGIN } from './identity-bench.ts'
import { adminGrant } from './roles.ts'
import { codeOf, loggedIn, type SignedUp } from './signing-up.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 10)
const AT_ONCE = 50
const ROUND_WITHIN_MS = 5000
const TWO_STEPS_MS = 60_000
const FORGIVEN_AFTER_MS = 900_000
const CODES_OF_A_SET = 10

const clock = fakeClock()
let bench: IdentityBench
let mailbox: string
let ada: SignedUp
beforeAll(async () => {
  mailbox = await mkdtemp(path.join(tmpdir(), 'lw-mail-'))
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock, environment: { MAILBOX_DIR: mailbox } })
  ada = await somebody(bench)
  await adminGrant(bench.db, ada.answer.body.person.email)
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await rm(mailbox, { recursive: true, force: true })
})

/** One use of a secret, the n-th of those that come at once. */
type Use = (n: number) => Promise<Answer>

/** A new session, opened and proven a moment ago. */
async function session(): Promise<string> {
  // Of many sessions of one moment nobody can say which is the oldest and gives way.
  clock.advance(1)
  return (await loggedIn(bench, ada.authenticator)).body.session.token
}

/** What the gateway hands on for a session: asked for once, and not by each of fifty. */
async function as(token: string): Promise<{ readonly headers: { readonly authorization: string } }> {
  return { headers: { authorization: `Bearer ${(await bench.introspect(token)).body.token}` } }
}

async function codeOfTheApp(): Promise<Use> {
  clock.advance(TWO_STEPS_MS)
  const asked = { ...(await as(await session())), body: { totp_code: codeOf(ada.totpSecret, clock.now()) } }
  return () => bench.ask('POST', '/auth/step-up/finish', asked)
}

function recoveryCodes(): () => Promise<Use> {
  let left: string[] = []
  let bob: SignedUp
  return async () => {
    if (left.length === 0) {
      bob = await somebody(bench, 'Bob')
      left = [...bob.recoveryCodes].slice(0, CODES_OF_A_SET)
    }
    clock.advance(FORGIVEN_AFTER_MS)
    const body = { email: bob.answer.body.person.email, totp_code: codeOf(bob.totpSecret, clock.now()), recovery_code: left.pop() }
    // Each from a network of its own, so that none of them has to wait.
    return (n) => bench.ask('POST', '/auth/login/recovery', { body, headers: { 'x-client-ip': `198.51.${n}.1` } })
  }
}

async function challengeOfLogin(): Promise<Use> {
  const { body } = await bench.ask('POST', '/auth/login/passkey/begin', { body: {} })
  const proof = { challenge_id: body.challenge_id, credential: ada.authenticator.authenticate(body.options) }
  clock.advance(1)
  return () => bench.ask('POST', '/auth/login/passkey/finish', { body: proof })
}

async function challengeOfStepUp(): Promise<Use> {
  clock.advance(FORGIVEN_AFTER_MS)
  const token = await session()
  const { body } = await bench.ask('POST', '/auth/step-up/begin', { session: token, body: { level: 'passkey' } })
  const proof = { challenge_id: body.challenge_id, credential: ada.authenticator.authenticate(body.options) }
  const asked = { ...(await as(token)), body: proof }
  return () => bench.ask('POST', '/auth/step-up/finish', asked)
}

let operations = 0
async function challengeOfOperation(): Promise<Use> {
  clock.advance(FORGIVEN_AFTER_MS)
  const asked = { personId: ada.personId, operation: { kind: 'delegation', id: `d${++operations}` } }
  const { body } = await bench.internal('companion', 'POST', '/internal/assertions:begin', asked)
  const shown = { challengeId: body.challengeId, assertion: ada.authenticator.authenticate(body.options) }
  return () => bench.internal('companion', 'POST', '/internal/assertions:verify', shown)
}

function invitations(): () => Promise<Use> {
  let people: readonly SignedUp[] = []
  return async () => {
    if (people.length === 0) people = await Promise.all(Array.from({ length: 10 }, () => somebody(bench, 'Guest')))
    const [{ id }, token] = [await openedBy(bench, ada), await session()]
    const { body } = await bench.ask('POST', `/engagements/${id}/invitations`, { session: token, body: { designations: ['contributor'] } })
    const asked = await Promise.all(people.map(async (each) => ({ ...(await as(each.session)), body: { token: body.token } })))
    return (n) => bench.ask('POST', '/invitations/accept', asked[n % asked.length])
  }
}

let addresses = 0
async function codeByMail(): Promise<Use> {
  const email = `new${++addresses}@example.org`
  const token = await session()
  await bench.ask('POST', '/me/email', { session: token, body: { email } })
  const asked = { ...(await as(token)), body: { code: await mailedTo(email) } }
  return () => bench.ask('POST', '/me/email/verify', asked)
}

/** The code in the letter to this address. What was read is thrown away. */
function mailedTo(email: string): Promise<string> {
  return eventually(async () => {
    for (const name of await readdir(mailbox)) {
      const file = path.join(mailbox, name)
      const text = name.endsWith('.eml') ? await readFile(file, 'utf8') : ''
      const code = text.includes(`To: ${email}`) ? /code is ([0-9]{6})/.exec(text)?.[1] : undefined
      if (text !== '') await rm(file)
      if (code !== undefined) return code
    }
    throw new Error(`no letter to ${email}`)
  })
}

function enrolmentTokens(): () => Promise<Use> {
  let bob: SignedUp
  return async () => {
    bob ??= await somebody(bench, 'Bob')
    await exec(bench.db, sql`update identity.webauthn_credentials set state = 'removed' where person_id = ${bob.personId}`)
    await exec(bench.db, sql`delete from identity.totp_factors where person_id = ${bob.personId}`)
    await exec(bench.db, sql`delete from identity.recovery_codes where person_id = ${bob.personId}`)
    const issued = await bench.ask('POST', `/admin/persons/${bob.personId}/enrolment-token`, { session: await session() })
    const headers = { 'x-client-authorization': `Bearer ${issued.body.token}` }
    const { body } = await bench.ask('POST', '/auth/enrol/begin', { body: {}, headers })
    const credential = new SoftwareAuthenticator({ origin: ORIGIN }).register(body.options)
    const { totp } = (await bench.ask('POST', '/auth/enrol/finish', { body: { challenge_id: body.challenge_id, credential }, headers })).body
    const totp_code = codeOf(totp.secret, clock.now())
    return () => bench.ask('POST', '/auth/enrol/finish', { body: { totp_code }, headers })
  }
}

/** What is used, a new one for each round, and what they are told who come too late. */
const SECRETS: readonly (readonly [string, () => Promise<Use>, readonly string[]])[] = [
  ['a code of the authenticator app', codeOfTheApp, ['totp.invalid', 'totp.throttled']],
  ['a recovery code', recoveryCodes(), ['login.refused']],
  ['a challenge for a log-in', challengeOfLogin, ['login.refused']],
  ['a challenge for a step-up', challengeOfStepUp, ['login.refused', 'rate_limited']],
  ['a challenge for one operation', challengeOfOperation, ['login.refused', 'rate_limited']],
  ['an invitation', invitations(), ['invitation.already_accepted']],
  ['a code by mail', codeByMail, ['email_code.invalid']],
  ['an enrolment token', enrolmentTokens(), ['enrolment.unknown', 'totp.throttled']],
]

test.each(SECRETS)(
  `ID-INV-7: of fifty uses at once of %s exactly one succeeds, ${ROUNDS} rounds`,
  { timeout: 60_000 + ROUNDS * ROUND_WITHIN_MS },
  async (...[, secret, tooLate]) => {
    for (let round = 0; round < ROUNDS; round++) {
      const use = await secret()
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => use(n)))
      const [won, lost] = [answers.filter(({ status }) => status === 200), answers.filter(({ status }) => status !== 200)]
      expect(won).toHaveLength(1)
      expect(lost.filter(({ body }) => !tooLate.includes(body.code))).toEqual([])
    }
  },
)
