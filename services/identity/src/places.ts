// Settings and secrets are kept at three kinds of places: with a person, with an engagement, with the deployment. The same operations stand
// at each, under its own path and rights.
import type { SettingScope } from '@loomworks/contracts'
import type { AnyRefusal, Caller, Id } from '@loomworks/kernel'
import { type Authz, type Request, shared } from '@loomworks/service-kit'
import type { Db, Tx } from '@loomworks/sql'
import { z } from 'zod'
import { heldStandingAt, requireOperator, standingAt } from './engagements.ts'
import { membership } from './errors.ts'
import type { IdentityParts } from './parts.ts'
import { selfOf } from './self.ts'

/** Which of them: the scope and the id of whom it belongs to. The deployment's own id is the nil UUID. */
export interface PlaceRef {
  readonly scope: SettingScope
  readonly scopeId: Id
}

export const SYSTEM: PlaceRef = { scope: 'system', scopeId: '00000000-0000-0000-0000-000000000000' as Id }

export interface Place {
  readonly scope: SettingScope
  /** Path of the place; settings and secrets stand below it. */
  readonly path: string
  /** What an operation's id says of the place: `listMySettings`. */
  readonly idPart: string
  readonly says: string
  readonly params: z.ZodObject
  readonly reading: Authz
  readonly writing: Authz
  /** Rights to keep a secret. */
  readonly keeping: Authz
  /** Rights to remove one. */
  readonly removing: Authz
  /** The place a request is about. Refuses who may not look there. */
  find(request: AnyRequest, db: Db): Promise<PlaceRef>
  /** The same for a change: refuses who may not change anything there, and what they are there stays so until the transaction ends. */
  hold(request: AnyRequest, tx: Tx): Promise<PlaceRef>
}

type AnyRequest = Request<unknown, unknown, unknown>

/** Runs a change at the place of a request in one transaction. */
export function changingAt<T>(place: Place, request: AnyRequest, { db, relay }: IdentityParts, change: (tx: Tx, ref: PlaceRef) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    const done = await change(tx, await place.hold(request, tx))
    relay.wakeAfter(tx)
    return done
  })
}

const OWN = { actors: ['person'], object: 'person', relation: 'self', hide: false } as const
const STAFF = { actors: ['person'], role: ['admin'], scope: 'admin.settings', object: 'deployment', relation: 'none', hide: false } as const

const mine: Place = {
  scope: 'person',
  path: '/me',
  idPart: 'My',
  says: 'mine',
  params: z.strictObject({}),
  reading: { ...OWN, scope: 'account.read' },
  writing: { ...OWN, scope: 'account.write' },
  // A key of one's own ends a suspension; what is there stays as it is meanwhile.
  keeping: { ...OWN, scope: 'vault.write', restricted: ['suspended'] },
  removing: { ...OWN, scope: 'vault.write' },
  find: ({ caller }) => Promise.resolve(ofPerson(caller)),
  hold: ({ caller }) => Promise.resolve(ofPerson(caller)),
}

function ofPerson(caller: Caller): PlaceRef {
  return { scope: 'person', scopeId: selfOf(caller) }
}

const HERE = { actors: ['person'], object: 'engagement', idFrom: 'params.engagement', hide: true } as const

const engagement: Place = {
  scope: 'engagement',
  path: '/engagements/:engagement',
  idPart: 'Engagement',
  says: "an engagement's",
  params: z.strictObject({ engagement: z.string().max(100) }),
  reading: { ...HERE, scope: 'account.read', relation: 'member' },
  writing: { ...HERE, scope: 'engagement.manage', relation: 'operator' },
  keeping: { ...HERE, scope: 'engagement.manage', relation: 'operator' },
  removing: { ...HERE, scope: 'engagement.manage', relation: 'operator' },
  async find({ params, caller }, db) {
    const { id } = await standingAt(db, Named.parse(params).engagement, selfOf(caller))
    return { scope: 'engagement', scopeId: id }
  },
  async hold({ params, caller }, tx) {
    const standing = await heldStandingAt(tx, Named.parse(params).engagement, selfOf(caller))
    requireOperator(standing)
    return { scope: 'engagement', scopeId: standing.id }
  },
}

const Named = z.object({ engagement: z.string() })

const deployment: Place = {
  scope: 'system',
  path: '/admin',
  idPart: 'Deployment',
  says: "the deployment's",
  params: z.strictObject({}),
  reading: STAFF,
  writing: { ...STAFF, stepUp: 'passkey' },
  keeping: { ...STAFF, stepUp: 'passkey' },
  removing: { ...STAFF, stepUp: 'passkey' },
  find: () => Promise.resolve(SYSTEM),
  hold: () => Promise.resolve(SYSTEM),
}

export const PLACES: readonly Place[] = [mine, engagement, deployment]

/** What a place refuses beside what every place does. */
export function beyond({ scope }: Place, act: 'read' | 'write'): readonly AnyRefusal[] {
  if (scope !== 'engagement') return []
  return [shared.not_found, ...(act === 'write' ? [membership.operator_required] : []), shared.invalid_body]
}
