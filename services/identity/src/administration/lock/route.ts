import { PersonLocked, Reason } from '@loomworks/contracts'
import { operation, shared } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { z } from 'zod'
import { person, role } from '../../errors.ts'
import { fact } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { requireAnotherAdmin } from '../../roles.ts'
import { endSessionsOf } from '../../sessions.ts'
import { act, PersonParams } from '../acting.ts'
import { actsOnPerson } from '../authz.ts'
import { lockedState, PersonSeen, personSeen } from '../queries.ts'

export const lockPersonRoute = operation({
  post: '/admin/persons/:id/lock',
  id: 'lockPerson',
  summary: 'Lock a person out, and end their sessions',
  authz: actsOnPerson,
  params: PersonParams,
  body: z.strictObject({ reason: Reason }),
  reply: PersonSeen,
  refuses: [person.state, role.last_admin, shared.not_found, shared.invalid_body],

  /** A login that is under way holds the person: it has opened its session before this, which ends it, or finds them locked. */
  async answer({ params, body, caller }, parts: IdentityParts) {
    await act(parts, { personId: params.id, caller }, async ({ tx, nowMs, stating }) => {
      const from = await lockedState(tx, params.id)
      if (from !== 'active') throw person.state({ from, to: 'locked' })
      await requireAnotherAdmin(tx, params.id)
      await exec(tx, sql`update identity.persons set state = 'locked', locked_reason = ${body.reason} where id = ${params.id}`)
      await endSessionsOf(tx, params.id, { reason: 'locked', nowMs, stating })
      return [fact(PersonLocked, { personId: params.id, by: caller.actor, reason: body.reason })]
    })
    return personSeen(parts.db, params.id)
  },
})
