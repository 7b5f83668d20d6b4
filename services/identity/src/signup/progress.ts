// What anybody who knows a registration's id may see of it: how far it is, never whose it is.
import { timeOf } from '@loomworks/kernel'
import type { SagaView } from '@loomworks/sagas'
import { z } from 'zod'
import { refusalOfCode, signup, saga as step } from '../errors.ts'
import { type Registration, RegistrationId, SESSION_AGAIN_MS, standingOf } from './state.ts'

const NextCall = z.object({ method: z.literal('POST'), href: z.string() })

export const Progress = z.object({
  registration_id: RegistrationId,
  state: z.enum(['pending', 'completed', 'failed']),
  phase: z.enum(['preparing', 'activating', 'undoing']).optional(),
  code: z.string().optional(),
  http_status: z.int().optional(),
  /** Why it failed, as its problem says it. */
  title: z.string().optional(),
  detail: z.string().optional(),
  started_at: z.string(),
  updated_at: z.string(),
  next: NextCall.optional(),
})
export type Progress = z.output<typeof Progress>

type Shown = Omit<Progress, 'registration_id' | 'started_at' | 'updated_at'>

const TOTP_VERIFY = { method: 'POST', href: '/auth/signup/totp-verify' } as const
const PASSKEY = { method: 'POST', href: '/auth/signup/passkey' } as const
const LOGIN = { method: 'POST', href: '/auth/login/passkey/begin' } as const

/** The registration and, where it has one, its saga as one object. */
export function progressOf(registration: Registration, saga: SagaView | undefined, nowMs: number): Progress {
  const updatedAt = saga === undefined ? registration.updated_at : later(saga.updatedAt, registration.updated_at)
  return {
    registration_id: registration.id,
    ...shownOf(registration, saga, nowMs),
    started_at: registration.created_at,
    updated_at: timeOf(Date.parse(updatedAt)),
  }
}

/** The same, told by the saga alone: for its events, which outrun the registration's row. */
export function sagaProgressOf(registration: Registration, saga: SagaView): Progress {
  return { registration_id: registration.id, ...ofSaga(saga), started_at: registration.created_at, updated_at: saga.updatedAt }
}

function shownOf(registration: Registration, saga: SagaView | undefined, nowMs: number): Shown {
  const standing = standingOf(registration, nowMs)
  if (standing === 'expired') return failed(signup.registration_expired.code, signup.registration_expired.entry.status)
  if (standing === 'begun') return { state: 'pending', next: PASSKEY }
  if (standing === 'passkey_verified') return { state: 'pending', next: TOTP_VERIFY }
  if (standing === 'completed') return { state: 'completed', next: isFresh(registration, nowMs) ? TOTP_VERIFY : LOGIN }
  return saga === undefined ? { state: 'pending' } : ofSaga(saga)
}

function ofSaga({ state, code, httpStatus }: SagaView): Shown {
  switch (state) {
    case 'completed':
      return { state: 'completed', next: TOTP_VERIFY }
    case 'aborted':
      return { ...failed(code ?? step.step_error.code, httpStatus), next: TOTP_VERIFY }
    case 'compensating':
      return { state: 'pending', phase: 'undoing' }
    case 'committed':
      return { state: 'pending', phase: 'activating' }
    default:
      return { state: 'pending', phase: 'preparing' }
  }
}

function failed(code: string, httpStatus: number | undefined): Shown {
  const { message: title, remedy: detail, status } = refusalOfCode(code)
  return { state: 'failed', code, http_status: httpStatus ?? status, title, detail }
}

/** Is the call that hands over a session still good? */
function isFresh({ completed_at }: Registration, nowMs: number): boolean {
  return completed_at !== null && Date.parse(completed_at) + SESSION_AGAIN_MS > nowMs
}

function later(a: string, b: string): string {
  return Date.parse(a) > Date.parse(b) ? a : b
}
