// Who changes what a person proves themselves by: the person, just proven. A session that is kept to a recovery reaches the passkeys
// and nothing else here.
import type { Authz } from '@loomworks/service-kit'

export const changesFactors: Authz = { actors: ['person'], scope: 'account.security', object: 'credential', relation: 'self', stepUp: 'any', hide: false }
export const changesPasskeys: Authz = { ...changesFactors, restricted: ['recovery'] }
export const changesPasskey: Authz = { ...changesPasskeys, idFrom: 'params.id', hide: true }
