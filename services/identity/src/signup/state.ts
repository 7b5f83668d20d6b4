// A registration: what somebody has shown of themselves before there is a person. Its states and who may do what in which.
import { SignupInput } from '@loomworks/contracts'
import { type Id, idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { signup } from '../errors.ts'
import { NewPasskey } from '../passkeys.ts'
import { EmailProof, RegistrationState } from '../vocabulary.ts'

export type RegistrationId = Id<'registration'>
export const RegistrationId = idOf<'registration'>()

export const ATTEMPTS_MAX = 5
export const WRONG_CODES_MAX = 5
/** How long after completion the same call still hands over a session. */
export const SESSION_AGAIN_MS = 600_000
/** How long a completed registration still shows that it is. */
export const SHOWN_AFTER_MS = 86_400_000

export const Registration = z.object({
  id: RegistrationId,
  secret_hash: z.string(),
  state: RegistrationState,
  email: z.string().nullable(),
  display_name: z.string().nullable(),
  companion_name: z.string().nullable(),
  user_handle: z.instanceof(Buffer).nullable(),
  credential: NewPasskey.extend({ name: z.string() }).nullable(),
  totp_sealed: z.instanceof(Buffer).nullable(),
  totp_key_id: z.string().nullable(),
  totp_step: z.bigint().nullable(),
  recovery_digests: z.array(z.string()).nullable(),
  recovery_key_id: z.string().nullable(),
  set_id: z.guid().nullable(),
  attempt: z.int(),
  saga_id: idOf<'saga'>().nullable(),
  saga_input: SignupInput.nullable(),
  network_hash: z.string().nullable(),
  email_proof: EmailProof,
  email_proven_at: z.string().nullable(),
  options_used: z.int(),
  renewals: z.int(),
  wrong_codes: z.int(),
  completed_at: z.string().nullable(),
  session_id: idOf<'session'>().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
  expires_at: z.string(),
})
export type Registration = Readonly<z.output<typeof Registration>>

/** The state as of now: time alone expires a registration, except while its saga is open or after it completed. */
export function standingOf({ state, expires_at }: Pick<Registration, 'state' | 'expires_at'>, nowMs: number): RegistrationState {
  const keepsItself = state === 'submitted' || state === 'completed'
  return !keepsItself && Date.parse(expires_at) <= nowMs ? 'expired' : state
}

/** Lets the registration through where it stands at this step; else 410 `signup.registration_expired` or 409 `signup.state`. */
export function requireState(registration: Pick<Registration, 'state' | 'expires_at'>, wanted: RegistrationState, nowMs: number): void {
  const state = standingOf(registration, nowMs)
  if (state === 'expired') throw signup.registration_expired()
  if (state !== wanted) throw signup.state({ state })
}
