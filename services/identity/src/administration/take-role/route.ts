import { Role } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { role } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { takeRole } from '../../roles.ts'
import { act } from '../acting.ts'
import { administersPerson } from '../authz.ts'
import { lockedState } from '../queries.ts'

export const takeRoleRoute = operation({
  delete: '/admin/persons/:id/roles/:role',
  id: 'takeRole',
  summary: 'Take a role of the deployment from a person',
  authz: administersPerson,
  params: z.strictObject({ id: idOf<'person'>(), role: Role }),
  reply: z.undefined(),
  status: 204,
  refuses: [role.last_admin, shared.not_found, shared.invalid_body],

  /** The outcome is the same where they do not have it. */
  async answer({ params, caller }, parts: IdentityParts) {
    await act(parts, { personId: params.id, caller }, async ({ tx }) => {
      await lockedState(tx, params.id)
      return takeRole(tx, params.id, params.role, caller.actor)
    })
    return undefined
  },
})
