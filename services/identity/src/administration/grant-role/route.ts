import { Role } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { person } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { grantRoles } from '../../roles.ts'
import { act } from '../acting.ts'
import { administersPerson } from '../authz.ts'
import { lockedState } from '../queries.ts'

export const grantRoleRoute = operation({
  put: '/admin/persons/:id/roles/:role',
  id: 'grantRole',
  summary: 'Give a person a role of the deployment',
  authz: administersPerson,
  params: z.strictObject({ id: idOf<'person'>(), role: Role }),
  reply: z.undefined(),
  status: 204,
  refuses: [person.state, shared.not_found, shared.invalid_body],

  /** The outcome is the same where they have it. Who is being erased, or is, gets none. */
  async answer({ params, caller }, parts: IdentityParts) {
    await act(parts, { personId: params.id, caller }, async ({ tx }) => {
      const from = await lockedState(tx, params.id)
      if (from !== 'active' && from !== 'locked') throw person.state({ from })
      return grantRoles(tx, params.id, [params.role], caller.actor)
    })
    return undefined
  },
})
