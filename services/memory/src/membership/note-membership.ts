import { MembershipGranted } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import type { MemoryParts } from '../parts.ts'
import { keepStanding } from './queries.ts'

/** Who belongs where: the newest revision that was told. */
export const noteMembership = on<MemoryParts, typeof MembershipGranted.schema>(MembershipGranted, (tx, { principal, membershipId, engagementId, ...told }) =>
  keepStanding(tx, {
    membership: membershipId,
    engagement: engagementId,
    principal_kind: principal.kind,
    principal_id: principal.id,
    designations: told.designations,
    commit_authority: told.commitAuthority,
    active: true,
    revision: BigInt(told.revision),
  }),
)
