import { DelegationChanged, type DelegationState } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import { hearOfDelegation } from '../../delegations.ts'
import type { IdentityParts } from '../../parts.ts'
import type { DelegationStanding } from '../../vocabulary.ts'

/** What the Companion tells of a contract can take away from it, and give nothing: what it gives a person has signed, and identity saw it. */
export const noteDelegation = on<IdentityParts, typeof DelegationChanged.schema>(
  DelegationChanged,
  async (tx, { delegationId: id, personId, version, state, termsHash }) => hearOfDelegation(tx, { id, personId, version, state: standingOf(state), termsHash }),
)

function standingOf(state: DelegationState): DelegationStanding {
  switch (state) {
    // One that is only proposed says nothing of what stands.
    case 'proposed':
    case 'active':
      return 'active'
    case 'suspended':
      return 'suspended'
    case 'withdrawn':
    case 'revoked':
    case 'expired':
      return 'ended'
    default:
      return state satisfies never
  }
}
