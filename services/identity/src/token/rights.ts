// What a credential may do: a full session has every scope but those of the deployment's staff, roles add theirs (identity page
// §2, §10).
import { type Role, Scope } from '@loomworks/contracts'

const STAFF = /^(?:admin\.|saga\.|audit\.repair$)/

const ROLE_SCOPES: Readonly<Record<Role, readonly Scope[]>> = {
  admin: ['admin.persons', 'admin.grants', 'admin.settings', 'audit.repair'],
  support: ['admin.persons'],
  auditor: ['admin.audit', 'saga.read'],
  ops: ['saga.read', 'saga.act', 'saga.force'],
}

/** The scopes of a session of a person with these roles, as a token carries them: joined by spaces. */
export function sessionScopes(roles: readonly Role[]): string {
  const own = Scope.options.filter((scope) => !STAFF.test(scope))
  return [...new Set([...own, ...roles.flatMap((role) => ROLE_SCOPES[role])])].join(' ')
}

/** The scopes of roles alone, for a credential that is nobody's session. */
export function roleScopes(roles: readonly Role[]): string {
  return [...new Set(roles.flatMap((role) => ROLE_SCOPES[role]))].join(' ')
}

const NOT_FOR_COMPANIONS = /^(?:account\.|vault\.|admin\.|saga\.)|^(?:memory\.erase|engagement\.manage|companion\.approve|audit\.repair)$/

/** What a Companion may do of what its person may: never the account, the vault, erasure, an engagement itself, an approval, or the
 *  deployment. */
export function companionScopes(scopes: string): string {
  return scopes
    .split(' ')
    .filter((scope) => scope !== '' && !NOT_FOR_COMPANIONS.test(scope))
    .join(' ')
}
