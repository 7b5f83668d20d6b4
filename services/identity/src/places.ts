// Settings and secrets are kept at three kinds of places: with a person, with an engagement, with the deployment. The same operations stand
// at each, under its own path and rights.
import type { SettingScope } from '@loomworks/contracts'
import type { Id } from '@loomworks/kernel'
import type { Authz, Request } from '@loomworks/service-kit'
import { z } from 'zod'
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
  /** Rights to write secrets, where they differ from those to write settings. */
  readonly keeping: Authz
  /** The place a request is about. Refuses who has no right there. */
  find(request: Request<unknown, unknown, unknown>, parts: IdentityParts, act: 'read' | 'write'): Promise<PlaceRef>
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
  keeping: { ...OWN, scope: 'vault.write' },
  find: ({ caller }) => Promise.resolve({ scope: 'person', scopeId: selfOf(caller) }),
}

const deployment: Place = {
  scope: 'system',
  path: '/admin',
  idPart: 'Deployment',
  says: "the deployment's",
  params: z.strictObject({}),
  reading: STAFF,
  writing: { ...STAFF, stepUp: 'passkey' },
  keeping: { ...STAFF, stepUp: 'passkey' },
  find: () => Promise.resolve(SYSTEM),
}

export const PLACES: readonly Place[] = [mine, deployment]
