// What every change of a member by an operator begins with: the operator, the engagement, and the member, locked.
import { type Caller, timeOf } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import type { Tx } from '@loomworks/sql'
import { heldStandingAt, requireChosen, requireOperator, type Standing } from '../engagements.ts'
import { membership } from '../errors.ts'
import { statingFor } from '../facts.ts'
import { type Membership, membershipToChange } from '../memberships.ts'
import type { IdentityParts } from '../parts.ts'
import { selfOf } from '../self.ts'

interface Asked {
  readonly params: { readonly engagement: string; readonly member: string }
  readonly caller: Caller
}

/** What all of them refuse. */
export const REFUSED_CHANGES = [shared.not_found, shared.invalid_body, membership.operator_required, membership.personal_fixed, membership.automatic] as const

export interface Changing {
  readonly tx: Tx
  readonly member: Membership
  readonly standing: Standing
  readonly stating: ReturnType<typeof statingFor>
}

/** Runs a change in one transaction. */
export async function changingMember<T>(
  { params, caller }: Asked,
  { db, clock, relay }: IdentityParts,
  change: (changing: Changing) => Promise<T>,
): Promise<T> {
  const stating = statingFor(caller, timeOf(clock.now()))
  return db.transaction(async (tx) => {
    const standing = await heldStandingAt(tx, params.engagement, selfOf(caller))
    const member = await membershipToChange(tx, standing.id, params.member)
    if (member === undefined) throw shared.not_found()
    const done = await change({ tx, member, standing, stating })
    relay.wakeAfter(tx)
    return done
  })
}

/** A live membership of a person, changed by an operator. */
export function requireChangeable({ member, standing }: Changing): void {
  requireOperator(standing)
  requireChosen(standing)
  if (member.principal_kind === 'agent') throw membership.agent_fixed()
  if (!member.active) throw membership.ended()
}
