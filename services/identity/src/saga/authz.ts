// Who may look at sagas and dead letters, and who may act on them (saga page §7): operators by the scopes of their roles, the
// embedded operator token by its own. Never a Companion.
import type { Authz } from '@loomworks/service-kit'

const OPERATORS = ['person', 'service'] as const

export const readsSagas: Authz = { actors: OPERATORS, scope: 'saga.read', object: 'saga', relation: 'none', hide: false }
export const readsSaga: Authz = { ...readsSagas, idFrom: 'params.id' }
export const readsDeadLetters: Authz = { ...readsSagas, object: 'dead_letter' }
export const readsDeadLetter: Authz = { ...readsDeadLetters, idFrom: 'params.id' }
export const actsOnSagas: Authz = { actors: OPERATORS, scope: 'saga.act', object: 'saga', relation: 'none', stepUp: 'passkey', hide: false }
export const actsOnSaga: Authz = { ...actsOnSagas, idFrom: 'params.id' }
export const actsOnDeadLetter: Authz = { ...actsOnSaga, object: 'dead_letter' }
