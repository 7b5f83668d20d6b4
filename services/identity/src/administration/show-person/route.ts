import { operation, shared } from '@loomworks/service-kit'
import type { IdentityParts } from '../../parts.ts'
import { PersonParams } from '../acting.ts'
import { seesPerson } from '../authz.ts'
import { PersonSeen, personSeen } from '../queries.ts'

export const showPersonRoute = operation({
  get: '/admin/persons/:id',
  id: 'showPerson',
  summary: 'One person, as staff sees them',
  authz: seesPerson,
  params: PersonParams,
  reply: PersonSeen,
  refuses: [shared.not_found, shared.invalid_body],

  answer: ({ params }, { db }: IdentityParts) => personSeen(db, params.id),
})
