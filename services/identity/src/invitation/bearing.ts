// Who brings a token: it is looked for by its hash, and who brings unknown ones waits.
import { type PersonId, type Refusal, sha256, tokenHash } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { invitation } from '../errors.ts'
import type { IdentityParts } from '../parts.ts'
import { countTry, type Throttle, waitS } from '../throttles.ts'
import { type Invitation, invitationOfToken } from './queries.ts'

export const BroughtToken = z.strictObject({ token: z.string().min(1).max(200) })

const MOST_UNKNOWN = 10
const WINDOW_MS = 900_000

/** The open invitation of a token. 404 `invitation.token_unknown`, 409 and 410 for one that is settled, 429 `rate_limited`. */
export async function broughtInvitation({ db, clock }: IdentityParts, token: string, personId: PersonId): Promise<Invitation> {
  const nowMs = clock.now()
  const throttle: Throttle = { kind: 'invitation', keyHash: sha256(`invitation ${personId}`), most: MOST_UNKNOWN, windowMs: WINDOW_MS }
  const wait = await waitS(db, throttle, nowMs)
  if (wait !== undefined) throw shared.rate_limited(undefined, wait)
  const found = await invitationOfToken(db, tokenHash(token), nowMs)
  if (found === undefined) {
    await countTry(db, throttle, nowMs)
    throw invitation.token_unknown()
  }
  if (found.state !== 'open') throw settledAs(found.state)
  return found
}

export function settledAs(state: Invitation['state']): Refusal {
  if (state === 'revoked') return invitation.revoked()
  if (state === 'declined') return invitation.declined()
  return state === 'expired' ? invitation.expired() : invitation.already_accepted()
}
