// What the token alone can decide about an operation: the gateway asks it first, the owner of the operation again.
import type { Refusal } from '@loomworks/kernel'
import type { ActorClass, Authz } from './operation.ts'
import { shared } from './shared-refusals.ts'
import { hasScope, type Rights } from './token.ts'

const STEP_UP_FRESH_S = 300
/** What a suspended account may still do (identity page §2), beside the operations that name it. */
const SUSPENDED_SCOPES: ReadonlySet<string> = new Set(['account.read', 'account.write', 'account.security', 'credit.read', 'activity.read'])

/** Who calls, as `x-authz` names it. A call without a credential carries the gateway's own token. */
export function actorClassOf(token: Rights): ActorClass {
  if (token.act.kind !== 'service') return token.act.kind
  return token.act.id === 'gateway' ? 'anonymous' : 'service'
}

/** Throws the first refusal in the order actor, restriction, scope or role, account, step-up; returns when the token covers the operation. */
export function authorize(authz: Authz, token: Rights, nowMs: number): void {
  const actor = actorClassOf(token)
  if (!authz.actors.includes(actor)) throw actor === 'anonymous' ? shared.unauthenticated() : shared.actor_refused()
  if (actor === 'anonymous') return
  if (token.restricted !== undefined && !authz.restricted?.includes(token.restricted)) throw rightMissing(authz)
  requireRights(authz, token)
  if (token.account === 'suspended' && !isForSuspended(authz)) throw shared.account_suspended()
  // Both factors of a recovery were the proof, and there is no other left to give until it has made a passkey.
  if (authz.stepUp !== undefined && actor === 'person' && token.restricted !== 'recovery') requireStepUp(authz.stepUp, token, nowMs)
}

function isForSuspended({ scope, role, restricted }: Authz): boolean {
  if (restricted?.includes('suspended') === true) return true
  return scope === undefined ? role === undefined : SUSPENDED_SCOPES.has(scope)
}

function requireRights(authz: Authz, token: Rights): void {
  const { role, scope } = authz
  const has = role === undefined ? scope === undefined || hasScope(token, scope) : role.some((each) => token.roles?.includes(each))
  if (!has) throw rightMissing(authz)
}

/** A scope is named where no role is (identity page §17). */
function rightMissing({ role }: Authz): Refusal {
  return role === undefined ? shared.scope_missing() : shared.role_missing()
}

/** Refuses where no proof of this level is fresh; for operations of which only some uses need one. */
export function requireStepUp(level: 'any' | 'passkey', token: Rights, nowMs: number): void {
  const proof = token.step_up
  const fresh = proof !== undefined && proof.at + STEP_UP_FRESH_S > nowMs / 1000
  if (!fresh || (level === 'passkey' && proof.level !== 'passkey')) throw shared.step_up_required({ level })
}
