import { ClaimInput, claim, memberClaim } from '@loomworks/contracts'
import { type Caller, emailHashes, type PersonId, type SagaId, sha256, tokenHash } from '@loomworks/kernel'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { refusalOfCode, saga } from '../../errors.ts'
import { networkOf } from '../../networks.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { settled } from '../../settled.ts'
import { claimThrottle, waitS } from '../../throttles.ts'
import { forgetNetwork, keepNetwork } from '../ending.ts'
import { claimSaga, claimSagaId } from '../saga.ts'
import { Claimed, claimedOf, Pending } from '../shown.ts'

const WAIT_MS = 2000
const CLAIM_TOKEN_MAX = 200
const ATTEMPTS = 5
const RETRY_AFTER_S = 1
/** When every attempt was undone. */
const AGAIN_AFTER_S = 3600

const AddressRow = z.object({ email: z.string() })

export const beginClaimRoute = operation({
  post: '/me/claims',
  id: 'beginClaim',
  summary: 'Claim a grant that was given to my address',
  authz: { actors: ['person'], scope: 'account.write', object: 'claim', relation: 'self', restricted: ['suspended'], hide: false },
  limits: { rate: 'claim' },
  body: z.strictObject({ claim_token: z.string().min(1).max(CLAIM_TOKEN_MAX) }),
  reply: Claimed,
  also: { 202: Pending },
  refuses: [...Object.values(claim), ...Object.values(memberClaim), saga.step_error, saga.cancelled, shared.rate_limited, shared.invalid_body],

  /** A repeat attaches to the claim that is open, or tells how the last one ended. */
  async answer({ body, caller, clientIp, signal }, parts: IdentityParts) {
    const personId = selfOf(caller)
    const networkHash = sha256(networkOf(clientIp))
    const seconds = await waitS(parts.db, claimThrottle(networkHash), parts.clock.now())
    if (seconds !== undefined) throw shared.rate_limited(undefined, seconds)
    const sagaId = await opened(parts, { personId, hash: tokenHash(body.claim_token), networkHash }, caller)
    const view = await settled(parts.sagas, sagaId, { waitMs: WAIT_MS, signal })
    if (view?.state === 'completed') return claimedOf(view)
    if (view === undefined) return pending(sagaId)
    // Who waits may hear of the end before it is recorded, and must not guess again before this guess counts.
    await parts.db.transaction((tx) => forgetNetwork(tx, sagaId, view.code, parts.clock.now()))
    throw refusalOfCode(view.code ?? saga.step_error.code)
  },
})

interface Claiming {
  readonly personId: PersonId
  readonly hash: string
  readonly networkHash: string
}

/** The claim of this token that is open or done, else the next attempt, begun. */
async function opened(parts: IdentityParts, { personId, hash, networkHash }: Claiming, { actor, correlationId, traceparent }: Caller): Promise<SagaId> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const sagaId = claimSagaId(personId, hash, attempt)
    const known = await parts.sagas.status(sagaId)
    if (known !== undefined && known.state !== 'aborted') return sagaId
    if (known !== undefined) continue
    const { email } = await one(parts.db, AddressRow, sql`select email from identity.persons where id = ${personId}`)
    const input = ClaimInput.parse({ personId, attempt, tokenHash: hash, ...emailHashes(parts.pepper, email) })
    await keepNetwork(parts.db, sagaId, networkHash, parts.clock.now())
    await parts.sagas.start(claimSaga, input, { sagaId, actor, correlationId, traceparent })
    return sagaId
  }
  throw shared.rate_limited(undefined, AGAIN_AFTER_S)
}

function pending(sagaId: SagaId): Answered {
  const status = `/me/claims/${sagaId}`
  return new Answered(202, { id: sagaId, state: 'pending', status_url: status }, { headers: { location: status, 'retry-after': String(RETRY_AFTER_S) } })
}
