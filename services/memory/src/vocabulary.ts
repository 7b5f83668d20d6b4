// The words of memory, once: what an object is, whose it is, and how it stands. What other services see too is in
// @loomworks/contracts.
import { type MemoryClass as Class, type MemoryObjectType, PrincipalKind } from '@loomworks/contracts'
import { type EngagementId, EventRef, idOf, type ObjectId } from '@loomworks/kernel'
import { z } from 'zod'

export type MemoryClass = z.output<typeof Class>
export type ObjectType = z.output<typeof MemoryObjectType>

export const Persona = z.strictObject({ kind: PrincipalKind, id: idOf() })
/** Who a memory belongs to. A Companion has no persona of its own: it is its person's. */
export type Persona = Readonly<z.output<typeof Persona>>

/** Who a key is kept for: a persona, or a hat. An engagement is a hat of its own. */
export const HolderKind = z.enum([...PrincipalKind.options, 'hat'])
export interface KeyHolder {
  readonly kind: z.output<typeof HolderKind>
  readonly id: string
}

export const Ref = z.strictObject({ engagement: idOf<'engagement'>(), object: idOf<'object'>(), version: z.int().min(1).optional() })
export interface Ref {
  readonly engagement: EngagementId
  readonly object: ObjectId
  /** Absent: the object as it stands. */
  readonly version?: number | undefined
}

/** Where content stays when its object is no longer held true: here always in the log. */
export const Location = z.strictObject({ k: z.literal('log'), event: EventRef, hash: z.string().regex(/^[0-9a-f]{64}$/) })
export type Location = Readonly<z.output<typeof Location>>

export const BindingKind = z.enum(['PersonalOnly', 'HatOnly'])
export type Binding = { readonly k: 'PersonalOnly'; readonly persona: Persona } | { readonly k: 'HatOnly'; readonly hat: string }

export const SupersedeReason = z.enum(['refined', 'contradicted', 'scope_bounded'])
export type SupersedeReason = z.output<typeof SupersedeReason>

export const RetractionReason = z.enum(['mistaken', 'withdrawn', 'duplicate', 'untrusted_source', 'consent_revoked'])
export type RetractionReason = z.output<typeof RetractionReason>

export const LifetimeKind = z.enum(['Drafted', 'Active', 'Superseded', 'Retracted'])
export type Lifetime =
  | { readonly k: 'Drafted'; readonly review: 'held' }
  | { readonly k: 'Active' }
  | { readonly k: 'Superseded'; readonly by: Ref; readonly why: SupersedeReason }
  | { readonly k: 'Retracted'; readonly why: RetractionReason; readonly preservedIn: Location; readonly consent: EventRef | null }

/** Personal engagements: what waits, what may be heard, what is never heard. */
export const GateState = z.enum(['held', 'released', 'void'])

export const ActivityKind = z.enum(['commit', 'activation'])

export const AssertionKind = z.enum(['fact', 'preference', 'constraint', 'decision', 'question', 'observation'])
export type AssertionKind = z.output<typeof AssertionKind>

/** What a caller may add; the other types are recorded by the command that performs the act. */
export const AddableType = z.enum(['seed', 'assertion'])
export type AddableType = z.output<typeof AddableType>

export interface Superseding {
  readonly ref: Ref
  readonly why: SupersedeReason
}
