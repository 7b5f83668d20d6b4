// The events of an engagement's stream, a schema per version. `data` holds ids, closed words, numbers and times alone; every free
// text is in `sealed`. Only the first event of an object has a class, a binding and a payload.
import { EngagementState, MemoryClass, MemoryObjectType, Visibility } from '@loomworks/contracts'
import { Actor, EventRef, idOf, type Trust } from '@loomworks/kernel'
import { z } from 'zod'
import { AddableType, AssertionKind, Location, Persona, Ref, RetractionReason, SupersedeReason } from '../vocabulary.ts'

const Binding = z.discriminatedUnion('k', [
  z.strictObject({ k: z.literal('PersonalOnly'), persona: Persona }),
  z.strictObject({ k: z.literal('HatOnly'), hat: z.string() }),
])
const time = z.string().max(40)
const key = z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,63}$/)
const typeVersion = z.int().min(1).max(1_000_000)

const ShapeType = z.strictObject({
  key,
  version: typeVersion,
  sections: z.array(z.strictObject({ key, kinds: z.array(AssertionKind).max(6) })).max(50),
})
const RenderType = z.strictObject({
  key,
  version: typeVersion,
  fromShape: key,
  contentKind: z.enum(['inline_dict', 'binary_blob', 'external_reference', 'multi_file']),
  format: z.enum(['markdown', 'html', 'json', 'csv', 'text', 'pdf', 'png', 'svg', 'zip']),
  specialist: idOf<'agent'>().optional(),
})
/** ISO 8601 durations of days, weeks, months or years. */
const Duration = z.string().regex(/^P[1-9][0-9]{0,3}[DWMY]$/)

export const SeedPlain = z.strictObject({
  initialContributors: z.array(idOf<'person'>()).max(100),
  initialAgents: z.array(idOf<'agent'>()).max(100),
  shapeTypes: z.array(ShapeType).max(50),
  renderTypes: z.array(RenderType).max(50),
  cadence: z.strictObject({ every: Duration, closeAfter: Duration.optional() }).optional(),
})
export type SeedPlain = z.output<typeof SeedPlain>
const paragraph = z.string().min(1).max(4000)
export const SeedSealed = z.strictObject({
  whatTheWorkIs: paragraph,
  whoConsumesTheWork: paragraph,
  voiceOfTheWork: paragraph,
  constraints: z.array(paragraph).max(100),
  successConditions: z.array(paragraph).max(100),
  additionalAssertions: z.record(z.string().min(1).max(200), paragraph),
})
export type SeedSealed = z.output<typeof SeedSealed>

const TEXT_MAX_BYTES = 32_768
const text = z
  .string()
  .min(1)
  .refine((value) => Buffer.byteLength(value) <= TEXT_MAX_BYTES, { message: `longer than ${TEXT_MAX_BYTES} bytes` })
export const AssertionPlain = z.strictObject({ kind: AssertionKind })
export type AssertionPlain = z.output<typeof AssertionPlain>
export const AssertionSealed = z.strictObject({ text, note: text.optional() })
export type AssertionSealed = z.output<typeof AssertionSealed>

const TITLE_MAX = 200
const REFUSED_IN_TITLES = /[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069\u200E\u200F]/u

/** What an engagement is called: 1 to 200 code points, no control character, no override of direction. */
export const Title = z
  .string()
  .max(4 * TITLE_MAX)
  .transform((given) => given.normalize('NFC').trim())
  .refine((title) => title !== '' && [...title].length <= TITLE_MAX && !REFUSED_IN_TITLES.test(title), { message: 'a title has 1 to 200 visible characters' })
const EngagementSealed = z.strictObject({ title: Title })

const Seed = SeedPlain.extend({ seedVersion: z.int().min(1) })
const Assertion = AssertionPlain.extend({ displayNumber: z.int().min(1) })
const Cycle = z.strictObject({
  cycleNumber: z.int().min(1),
  seed: Ref,
  convergenceReached: z.boolean(),
  openFindingCountAfterCycle: z.int().min(0),
  findingsProduced: z.array(Ref),
  findingsAddressed: z.array(Ref),
})
const Consent = z.strictObject({
  by: Persona,
  decision: z.literal('granted'),
  covers: z.literal('retract'),
  target: z.array(Ref).min(1),
  method: z.literal('session'),
  at: time,
})

const engagement = { engagement: idOf<'engagement'>() }
const step = { ...engagement, object: idOf<'object'>(), objectVersion: z.int().min(1) }
const born = {
  ...step,
  class: MemoryClass,
  binding: Binding,
  /** The owner of the personal engagement this stands in: read models of shared ones leave it out. */
  owner: idOf<'person'>().optional(),
  sources: z.array(Ref).max(64),
  supersedes: z.array(z.strictObject({ ref: Ref, why: SupersedeReason })).max(64),
  about: z.array(idOf<'person'>()).max(32),
  validFrom: time.optional(),
  validTo: time.optional(),
}
const bornAs = <T extends string, P extends z.ZodType>(objectType: T, payload: P) => z.strictObject({ ...born, objectType: z.literal(objectType), payload })

export const EVENT_DATA = {
  EngagementOpened: z.strictObject({
    ...step,
    objectType: z.literal('engagement'),
    class: MemoryClass,
    binding: Binding,
    state: EngagementState,
    visibility: Visibility,
    number: z.int().min(1).optional(),
    owner: idOf<'person'>().optional(),
    openedBy: Actor,
    seed: Ref.nullable(),
  }),
  EngagementArchived: z.strictObject({ ...step, objectType: z.literal('engagement') }),
  EngagementVoided: z.strictObject({ ...engagement, owner: idOf<'person'>() }),
  /** On the administrative engagement: numbers by which engagements may be shown, given to nobody else. */
  DisplayNumbersTaken: z.strictObject({ ...engagement, from: z.int().min(1), to: z.int().min(1) }),
  MemoryAdded: z.discriminatedUnion('objectType', [bornAs('assertion', Assertion), bornAs('seed', Seed)]),
  MemoryRecorded: z.discriminatedUnion('objectType', [bornAs('seed', Seed), bornAs('seed_induction_loop_cycle', Cycle), bornAs('consent', Consent)]),
  MemoryCommitted: z.strictObject({ ...step, objectType: AddableType }),
  MemorySuperseded: z.strictObject({ ...step, objectType: AddableType, by: Ref, why: SupersedeReason }),
  MemoryRetracted: z.strictObject({ ...step, objectType: MemoryObjectType, reason: RetractionReason, preservedIn: Location, consent: EventRef.nullable() }),
} as const

/** An event as it is decided, and as it is read: a stored one has id and hash, and ciphertext in `sealed`. */
export type EngagementEvent = {
  [K in keyof typeof EVENT_DATA]: {
    readonly type: K
    readonly data: Readonly<z.output<(typeof EVENT_DATA)[K]>>
    readonly sealed?: z.output<typeof SeedSealed> | z.output<typeof AssertionSealed> | z.output<typeof EngagementSealed>
    readonly actor: Actor
    readonly trust: Trust
    readonly id?: string
    readonly hash?: string
  }
}[keyof typeof EVENT_DATA]

export type EventOf<K extends keyof typeof EVENT_DATA> = Extract<EngagementEvent, { type: K }>

/** What the first event of an object says that its other events do not. */
export type BornEvent = EventOf<'EngagementOpened' | 'MemoryAdded' | 'MemoryRecorded'>
