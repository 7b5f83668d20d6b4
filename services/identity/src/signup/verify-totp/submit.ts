import { SignupInput } from '@loomworks/contracts'
import { derivedId, emailHashes, type SagaId, sha256, timeOf, tokenHash } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, exec, sql, type Tx } from '@loomworks/sql'
import { EMAIL_CODES_WRONG_MAX, useCode } from '../../email-codes.ts'
import { signup } from '../../errors.ts'
import { networkOf } from '../../networks.ts'
import type { IdentityParts } from '../../parts.ts'
import { totpBinding } from '../../sealings.ts'
import { claimThrottle, waitS } from '../../throttles.ts'
import { matchingStep } from '../../totp.ts'
import { FORGOTTEN } from '../ending.ts'
import { lockedRegistrationFor } from '../queries.ts'
import type { Registration, RegistrationId } from '../state.ts'
import { type Next, verifyTotp } from './decide.ts'

const BUSY_RETRY_S = 5

export interface Submission {
  readonly registrationId: RegistrationId
  readonly secret: string
  readonly code: string
  readonly claimToken: string | undefined
  readonly emailCode: string | undefined
  readonly clientIp: string
  /** Nothing new may begin now. */
  readonly busy: boolean
}

export type Submitted =
  | { readonly next: 'wrong_code'; readonly attemptsLeft: number }
  | { readonly next: 'wrong_email_code'; readonly attemptsLeft: number }
  | { readonly next: 'closed' }
  | { readonly next: 'started'; readonly sagaId: SagaId; readonly input: SignupInput }
  | { readonly next: 'attached'; readonly sagaId: SagaId }
  | { readonly next: 'session_again'; readonly sagaId: SagaId }

/** Judges the call and notes what follows, in one transaction under the registration's lock: of parallel calls one begins the
 *  saga and the others attach to it. A wrong code is counted and kept, so it is told by value. */
export function submit(parts: IdentityParts, submission: Submission): Promise<Submitted> {
  const nowMs = parts.clock.now()
  return parts.db.transaction(async (tx) => {
    const registration = await lockedRegistrationFor(tx, submission.registrationId, submission.secret, nowMs)
    const claimHash = submission.claimToken === undefined ? undefined : tokenHash(submission.claimToken)
    const next = verifyTotp({ codeStep: codeStepOf(parts, registration, submission.code), claimHash, nowMs }, registration)
    return noted(tx, parts, {
      registration,
      next,
      claimHash,
      networkHash: sha256(networkOf(submission.clientIp)),
      emailCode: submission.emailCode,
      busy: submission.busy,
      nowMs,
    })
  })
}

/** Only a registration whose code is open has one to compare with. */
function codeStepOf({ keyring, clock }: IdentityParts, { id, state, totp_sealed }: Registration, code: string): number | undefined {
  if (state !== 'passkey_verified' || totp_sealed === null) return undefined
  return matchingStep(keyring.open('totp', totp_sealed, totpBinding('registration', id)), code, clock.now())
}

interface Judged {
  readonly registration: Registration
  readonly next: Next
  readonly claimHash: string | undefined
  readonly networkHash: string
  readonly emailCode: string | undefined
  readonly busy: boolean
  readonly nowMs: number
}

async function noted(tx: Tx, parts: IdentityParts, judged: Judged): Promise<Submitted> {
  const { registration, next } = judged
  switch (next.next) {
    case 'count_wrong_code':
      await countWrongCode(tx, registration, next.attemptsLeft, judged.nowMs)
      return { next: 'wrong_code', attemptsLeft: next.attemptsLeft }
    case 'attach':
      return { next: 'attached', sagaId: next.sagaId }
    case 'session_again':
      if (registration.saga_id === null) throw new Error('a completed registration without a saga')
      return { next: 'session_again', sagaId: registration.saga_id }
    case 'start': {
      const unproven = await provenAddress(tx, parts, judged)
      if (unproven !== undefined) return unproven
      return started(tx, parts, { ...judged, attempt: next.attempt, codeStep: next.codeStep })
    }
  }
}

/** What is missing of the proof of the address that this registration asks for; undefined where nothing is. A claim token proves it too. */
async function provenAddress(tx: Tx, parts: IdentityParts, { registration, claimHash, emailCode, nowMs }: Judged): Promise<Submitted | undefined> {
  const { id, email_proof, email_proven_at } = registration
  if (claimHash !== undefined || email_proof === 'none' || email_proven_at !== null) return undefined
  if (email_proof === 'claim') return (await parts.settings.read('signup.mode')) === 'open' ? undefined : { next: 'closed' }
  if (emailCode === undefined) return { next: 'wrong_email_code', attemptsLeft: EMAIL_CODES_WRONG_MAX }
  const used = await useCode(tx, parts, { registrationId: id }, emailCode)
  if (typeof used === 'number') return { next: 'wrong_email_code', attemptsLeft: used }
  await exec(tx, sql`update identity.pending_registrations set email_proven_at = ${timeOf(nowMs)} where id = ${id}`)
  return undefined
}

/** The fifth wrong code ends the registration. */
async function countWrongCode(tx: Db, { id }: Registration, attemptsLeft: number, nowMs: number): Promise<void> {
  await exec(
    tx,
    attemptsLeft > 0
      ? sql`update identity.pending_registrations set wrong_codes = wrong_codes + 1, updated_at = ${timeOf(nowMs)} where id = ${id}`
      : sql`update identity.pending_registrations
               set wrong_codes = wrong_codes + 1, state = 'expired', updated_at = ${timeOf(nowMs)}, ${FORGOTTEN}
             where id = ${id}`,
  )
}

/** Notes the attempt. The saga begins after the commit; where the process dies in between, the host finds the note and begins it. */
async function started(
  tx: Db,
  { pepper }: IdentityParts,
  { registration, attempt, codeStep, claimHash, networkHash, busy, nowMs }: Judged & { readonly attempt: number; readonly codeStep: number | undefined },
): Promise<Submitted> {
  if (busy) throw signup.busy(undefined, BUSY_RETRY_S)
  if (claimHash !== undefined) await requireClaimAllowed(tx, networkHash, nowMs)
  if (registration.email === null) throw signup.registration_expired()
  const sagaId = derivedId<'saga'>(registration.id, attempt)
  const claim = claimHash === undefined ? {} : { tokenHash: claimHash, ...emailHashes(pepper, registration.email) }
  const input = SignupInput.parse({ registrationId: registration.id, attempt, ...claim })
  await exec(
    tx,
    sql`update identity.pending_registrations
           set state = 'submitted', attempt = ${attempt}, saga_id = ${sagaId}, saga_input = ${JSON.stringify(input)},
               totp_step = coalesce(${codeStep ?? null}, totp_step), network_hash = ${claimHash === undefined ? null : networkHash},
               submitted_at = ${timeOf(nowMs)}, updated_at = ${timeOf(nowMs)}
         where id = ${registration.id}`,
  )
  return { next: 'started', sagaId, input }
}

/** At the limit every token is refused, a good one too: the answer says nothing about it. */
async function requireClaimAllowed(tx: Db, networkHash: string, nowMs: number): Promise<void> {
  const seconds = await waitS(tx, claimThrottle(networkHash), nowMs)
  if (seconds !== undefined) throw shared.rate_limited(undefined, seconds)
}
