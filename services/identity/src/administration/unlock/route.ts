import { PersonUnlocked } from '@loomworks/contracts'
import { operation, shared } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { person } from '../../errors.ts'
import { fact } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { act, PersonParams } from '../acting.ts'
import { actsOnPerson } from '../authz.ts'
import { lockedState, PersonSeen, personSeen } from '../queries.ts'

export const unlockPersonRoute = operation({
  post: '/admin/persons/:id/unlock',
  id: 'unlockPerson',
  summary: 'Let a locked person in again',
  authz: actsOnPerson,
  params: PersonParams,
  reply: PersonSeen,
  refuses: [person.state, shared.not_found, shared.invalid_body],

  async answer({ params, caller }, parts: IdentityParts) {
    await act(parts, { personId: params.id, caller }, async ({ tx }) => {
      const from = await lockedState(tx, params.id)
      if (from !== 'locked') throw person.state({ from, to: 'active' })
      await exec(tx, sql`update identity.persons set state = 'active', locked_reason = null where id = ${params.id}`)
      return [fact(PersonUnlocked, { personId: params.id, by: caller.actor })]
    })
    return personSeen(parts.db, params.id)
  },
})
