// People who sign up while everything breaks: each goes on until they are told that they are a person, or were refused for a reason.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually, type PersonClient, Unexpected } from '@loomworks/testing'
import { type Proven, proven } from '../signup/ceremony.ts'

const AGAIN_MS = 100
const TOLD_WITHIN_MS = 30_000

export interface Newcomer {
  readonly about: { readonly email: string; readonly displayName: string }
  readonly claimToken: string | undefined
  registration: Proven | undefined
  told: boolean
  /** The last call was answered by 200 or 202: from then on it is a promise. */
  accepted: boolean
  /** How often something was asked again. */
  triedAgain: number
}

/** Answers that are nobody's fault while servers are away: try again. */
const PASSING: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])

export function newcomer(claimToken?: string): Newcomer {
  const displayName = `canary-${randomUUID()}`
  return { about: { email: `${displayName}@example.org`, displayName }, claimToken, registration: undefined, told: false, accepted: false, triedAgain: 0 }
}

/** Signs up, trying again at whatever breaks, until told or the time is over. Throws Unexpected for an answer that nothing explains. */
export async function signUp(url: string, person: Newcomer, over: AbortSignal): Promise<void> {
  while (!over.aborted && !person.told) {
    try {
      person.registration ??= await proven(url, person.about)
      await finish(person, person.registration)
    } catch (error) {
      // A call that broke off is asked again; an answer is looked at.
      if (error instanceof Unexpected && !PASSING.has(error.said.status)) throw error
    }
    if (person.told) return
    person.triedAgain += 1
    await delay(AGAIN_MS, undefined, { signal: over }).catch(() => undefined)
  }
}

async function finish(person: Newcomer, registration: Proven): Promise<void> {
  const said = await registration.finish(person.claimToken)
  person.told = said.status === 200
  if (said.status !== 200 && said.status !== 202) throw new Unexpected('POST /auth/signup/totp-verify', said)
  person.accepted = true
}

/** After the faults: whoever was told logs in; whoever was not gets there by the same calls. */
export async function expectWhole(url: string, person: Newcomer): Promise<void> {
  await signUp(url, person, AbortSignal.timeout(TOLD_WITHIN_MS))
  const { registration } = person
  if (!person.told || registration === undefined) throw new Error(`nobody is told within ${TOLD_WITHIN_MS} ms of the last fault`)
  await eventually(async () => {
    const { person: me } = await registration.client.logIn()
    if (me.email !== person.about.email) throw new Error('logged in as somebody else')
  })
}

/** Claim tokens of grants to people of these addresses. */
export async function grantsTo(admin: PersonClient, emails: readonly string[]): Promise<readonly string[]> {
  const grant = { grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000' }
  return Promise.all(emails.map(async (recipient_email) => (await admin.expect(201, 'POST', '/admin/grants', { ...grant, recipient_email })).claim_token))
}
