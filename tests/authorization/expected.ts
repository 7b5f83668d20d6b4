// What `x-authz` alone says about a caller: the yardstick of the matrix. It is written from the identity page (§2, §10, §12, §13.2), not from
// the code that it measures.
import { type Role, Scope } from '@loomworks/contracts'
import type { ActorClass, Authz } from '@loomworks/service-kit'

/** `passes` is every answer that is not a refusal of the caller: a success, and a refusal of what was sent or of how things stand. */
export type Verdict = '401' | '403' | '404' | 'passes'

/** Somebody who asks, as far as rights go. */
export interface Who {
  /** What its credential opens; `anonymous` where there is none, or where it opens nothing any more. */
  readonly actor: ActorClass
  readonly scopes: ReadonlySet<Scope>
  readonly roles: readonly Role[]
  readonly restricted?: 'recovery' | 'erasing'
  readonly isSuspended: boolean
  /** The proof that is still fresh. */
  readonly stepUp?: 'any' | 'passkey'
  /** In the engagement of the matrix. */
  readonly there: 'nobody' | 'member' | 'operator'
  /** What belongs to one person belongs to this one. */
  readonly isOwner: boolean
}

const STAFF = /^(?:admin\.|saga\.|audit\.repair$)/
const NOT_FOR_COMPANIONS = /^(?:account\.|vault\.write$|memory\.erase$|engagement\.manage$|companion\.approve$)/
const NOBODY: Who = { actor: 'anonymous', scopes: new Set(), roles: [], isSuspended: false, there: 'nobody', isOwner: false }
const OF_ROLE: Readonly<Record<Role, readonly Scope[]>> = {
  admin: ['admin.persons', 'admin.grants', 'admin.settings', 'audit.repair'],
  support: ['admin.persons'],
  auditor: ['admin.audit', 'saga.read'],
  ops: ['saga.read', 'saga.act', 'saga.force'],
}

const ownScopes = Scope.options.filter((scope) => !STAFF.test(scope))
const forCompanions = ownScopes.filter((scope) => !NOT_FOR_COMPANIONS.test(scope))

function person(over: Partial<Who> = {}): Who {
  const { roles = [] } = over
  return { ...NOBODY, actor: 'person', scopes: new Set([...ownScopes, ...roles.flatMap((role) => OF_ROLE[role])]), stepUp: 'passkey', ...over }
}

const owner = person({ there: 'operator', isOwner: true })
const { stepUp: _stale, ...unproven } = owner
const agent: Who = { ...NOBODY, actor: 'agent', scopes: new Set(['memory.read', 'memory.write', 'memory.commit']) }

/** Every kind of caller that the matrix knows. */
export const ACTORS = {
  anonymous: NOBODY,
  owner,
  'owner whose step-up is old': unproven,
  operator: person({ there: 'operator' }),
  'co-member': person({ there: 'member' }),
  'other person': person(),
  'ex-member': person(),
  'agent here': { ...agent, there: 'member' },
  'agent elsewhere': agent,
  'companion asked': { ...owner, actor: 'companion', scopes: new Set(forCompanions) },
  'companion of another': { ...NOBODY, actor: 'companion', scopes: new Set(forCompanions) },
  'companion not approved': { ...NOBODY, actor: 'service' },
  'in recovery': person({ restricted: 'recovery' }),
  'being erased': person({ restricted: 'erasing' }),
  suspended: person({ isSuspended: true }),
  'suspended admin': person({ isSuspended: true, roles: ['admin'] }),
  locked: NOBODY,
  erased: NOBODY,
  admin: person({ roles: ['admin'] }),
  support: person({ roles: ['support'] }),
  auditor: person({ roles: ['auditor'] }),
  ops: person({ roles: ['ops'] }),
  'operator token': { ...NOBODY, actor: 'service', scopes: new Set(OF_ROLE.ops), roles: ['ops'] },
} as const satisfies Readonly<Record<string, Who>>

export type ActorName = keyof typeof ACTORS

/** What the token alone decides, in the order in which it is asked; then what the owner decides about the object. */
export function expected(authz: Authz, who: Who): Verdict {
  return byToken(authz, who) ?? byRelation(authz, who)
}

/** Undefined where the token is enough. */
export function byToken(authz: Authz, who: Who): '401' | '403' | undefined {
  if (!authz.actors.includes(who.actor)) return who.actor === 'anonymous' ? '401' : '403'
  if (who.actor === 'anonymous') return undefined
  const isKept = who.restricted !== undefined && !authz.restricted?.includes(who.restricted)
  if (isKept || !hasRights(authz, who) || isTooPoor(authz, who) || lacksProof(authz, who)) return '403'
  return undefined
}

/** A role that is named stands for the scopes that it brings. */
function hasRights({ role, scope }: Authz, { roles, scopes }: Who): boolean {
  if (role !== undefined) return role.some((each) => roles.includes(each))
  return scope === undefined || scopes.has(scope)
}

const FOR_SUSPENDED = /^(?:account\.|credit\.read$|activity\.read$)/

function isTooPoor({ scope, role, restricted }: Authz, { isSuspended }: Who): boolean {
  if (!isSuspended || restricted?.includes('suspended') === true) return false
  return scope === undefined ? role !== undefined : !FOR_SUSPENDED.test(scope)
}

function lacksProof({ stepUp }: Authz, who: Who): boolean {
  if (stepUp === undefined || who.actor !== 'person' || who.restricted === 'recovery') return false
  return who.stepUp === undefined || (stepUp === 'passkey' && who.stepUp !== 'passkey')
}

/** Where no object is named, `self` is whoever asks. To whom an object is nothing, it is hidden or, where it may be known of, refused; a
 *  member knows of it, so what is an operator's is refused to them by name. */
function byRelation({ relation, idFrom, hide }: Authz, { there, isOwner }: Who): Verdict {
  const stranger = hide ? '404' : '403'
  if (relation === 'none' || idFrom === undefined) return 'passes'
  if (relation === 'self' || relation === 'sponsor') return isOwner ? 'passes' : stranger
  if (there === 'nobody') return stranger
  return relation === 'member' || there === 'operator' ? 'passes' : '403'
}
