import { readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { exec, sql } from '@loomworks/sql'
import { eventually, SoftwareAuthenticator } from '@loomworks/testing'
import { openedBy, somebody } from '../belonging-story.ts'
import { ORIGIN } from '../identity-bench.ts'
import { codeOf, type SignedUp } from '../signing-up.ts'
import { raced, racing, type Use } from './racing.ts'

/** CI asks for a thousand. */
const ROUNDS = Number(process.env.ROUNDS ?? 10)
const GUESTS = 10

const there = racing()

function invitations(): () => Promise<Use> {
  let people: readonly SignedUp[] = []
  return async () => {
    const { bench, ada, as, session } = there()
    if (people.length === 0) people = await Promise.all(Array.from({ length: GUESTS }, () => somebody(bench, 'Guest')))
    const [{ id }, token] = [await openedBy(bench, ada), await session()]
    const { body } = await bench.ask('POST', `/engagements/${id}/invitations`, { session: token, body: { designations: ['contributor'] } })
    const asked = await Promise.all(people.map(async (each) => ({ ...(await as(each.session)), body: { token: body.token } })))
    return (n) => bench.ask('POST', '/invitations/accept', asked[n % asked.length])
  }
}

let addresses = 0
async function codeByMail(): Promise<Use> {
  const { bench, as, session } = there()
  const email = `new${++addresses}@example.org`
  const token = await session()
  await bench.ask('POST', '/me/email', { session: token, body: { email } })
  const asked = { ...(await as(token)), body: { code: await mailedTo(email) } }
  return () => bench.ask('POST', '/me/email/verify', asked)
}

/** The code in the letter to this address. What was read is thrown away. */
function mailedTo(email: string): Promise<string> {
  const { mailbox } = there()
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
    const { bench, clock, session } = there()
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

raced(ROUNDS, [
  ['an invitation', invitations(), ['invitation.already_accepted']],
  ['a code by mail', codeByMail, ['email_code.invalid']],
  ['an enrolment token', enrolmentTokens(), ['enrolment.unknown', 'totp.throttled']],
])
