import { MembershipChanged, MembershipGranted, MembershipRevoked } from '@loomworks/contracts'
import { type EventHandler, on } from '@loomworks/service-kit'
import type { Tx } from '@loomworks/sql'
import type { z } from 'zod'
import type { MemoryParts } from '../parts.ts'
import { keepStanding } from './queries.ts'

type Told = z.output<typeof MembershipChanged.schema>

/** Who belongs where: the newest revision that was told. */
export const noteMemberships: readonly EventHandler<MemoryParts>[] = [
  on<MemoryParts, typeof MembershipGranted.schema>(MembershipGranted, (tx, told) => kept(tx, told, true)),
  on<MemoryParts, typeof MembershipChanged.schema>(MembershipChanged, (tx, told) => kept(tx, told, true)),
  on<MemoryParts, typeof MembershipRevoked.schema>(MembershipRevoked, (tx, told) => kept(tx, told, false)),
]

function kept(tx: Tx, { principal, membershipId, engagementId, ...told }: Told, active: boolean): Promise<void> {
  return keepStanding(tx, {
    membership: membershipId,
    engagement: engagementId,
    principal_kind: principal.kind,
    principal_id: principal.id,
    designations: told.designations,
    commit_authority: told.commitAuthority,
    active,
    revision: BigInt(told.revision),
  })
}
