// What slows down who guesses at a secret of a person's, and tells of it. It never locks anybody out.
import { SignInThrottled } from '@loomworks/contracts'
import { type Caller, newId, type PersonId, sha256, timeOf } from '@loomworks/kernel'
import { fact, stateFacts, statingFor } from './facts.ts'
import type { IdentityParts } from './parts.ts'
import type { Slowing } from './throttles.ts'

export function ofPerson(kind: Slowing['kind'], personId: PersonId): Slowing {
  return { kind, keyHash: sha256(personId) }
}

export interface Guessed {
  readonly kind: Slowing['kind']
  /** Whose secret it is, where that is anybody's. */
  readonly personId?: PersonId
  readonly caller: Caller
}

/** A wrong try that made the next one wait. */
export async function tellThrottled({ db, clock, relay }: IdentityParts, { kind, personId, caller }: Guessed): Promise<void> {
  const nowMs = clock.now()
  const throttleId = newId<'throttle'>(nowMs)
  await stateFacts(db, throttleId, [fact(SignInThrottled, { kind, throttleId, ...(personId && { personId }) })], statingFor(caller, timeOf(nowMs)))
  relay.wake()
}
