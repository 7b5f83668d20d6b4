// Who looks after persons: support and administrators; roles and ways in are for administrators alone. None of it opens an engagement.
import type { Authz } from '@loomworks/service-kit'

export const seesPersons: Authz = { actors: ['person'], role: ['admin', 'support'], object: 'person', relation: 'none', hide: false }
export const seesPerson: Authz = { ...seesPersons, idFrom: 'params.id' }
export const actsOnPerson: Authz = { ...seesPerson, stepUp: 'passkey' }
export const administersPerson: Authz = { ...actsOnPerson, role: ['admin'] }
