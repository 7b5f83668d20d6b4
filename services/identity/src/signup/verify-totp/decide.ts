import type { SagaId } from '@loomworks/kernel'
import { signup } from '../../errors.ts'
import { ATTEMPTS_MAX, type Registration, requireState, SESSION_AGAIN_MS, standingOf, WRONG_CODES_MAX } from '../state.ts'

export interface VerifyTotp {
  /** The step the code belongs to; undefined for a wrong code. */
  readonly codeStep: number | undefined
  /** Hash of the claim token that came along. */
  readonly claimHash: string | undefined
  readonly nowMs: number
}

export type Next =
  | { readonly next: 'count_wrong_code'; readonly attemptsLeft: number }
  /** A new attempt; with the step of the code that was just spent, where one was. */
  | { readonly next: 'start'; readonly attempt: number; readonly codeStep?: number }
  | { readonly next: 'attach'; readonly sagaId: SagaId }
  | { readonly next: 'session_again' }

/** What a `totp-verify` means for a registration as it stands. A code is spent once: what repeats the call, or tries again after
 *  an undo, needs none. */
export function verifyTotp({ codeStep, claimHash, nowMs }: VerifyTotp, registration: Registration): Next {
  const { saga_id, saga_input, attempt, wrong_codes, completed_at } = registration
  switch (standingOf(registration, nowMs)) {
    case 'proven':
      if (attempt >= ATTEMPTS_MAX) throw signup.too_many_attempts()
      return { next: 'start', attempt: attempt + 1 }
    case 'submitted':
      if (saga_id === null) throw new Error('a submitted registration without a saga')
      if (claimHash !== undefined && claimHash !== saga_input?.tokenHash) throw signup.in_progress()
      return { next: 'attach', sagaId: saga_id }
    case 'completed':
      if (completed_at === null || Date.parse(completed_at) + SESSION_AGAIN_MS <= nowMs) throw signup.done_log_in()
      return { next: 'session_again' }
    default:
      requireState(registration, 'passkey_verified', nowMs)
      if (codeStep === undefined) return { next: 'count_wrong_code', attemptsLeft: WRONG_CODES_MAX - wrong_codes - 1 }
      return { next: 'start', attempt: attempt + 1, codeStep }
  }
}
