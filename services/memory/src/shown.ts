// A memory object as HTTP shows it: its text opened, its references as far as the reader may follow them.
import { MemoryClass, MemoryObjectType } from '@loomworks/contracts'
import { type JsonObject, Trust } from '@loomworks/kernel'
import { z } from 'zod'
import { type CurrentMemory, type Referred, readable } from './current-memory/queries.ts'
import type { MemoryParts } from './parts.ts'
import { asReader } from './reader.ts'
import { snakeCased } from './snake.ts'
import { BindingKind, LifetimeKind, type Persona, type Ref } from './vocabulary.ts'

const ShownActor = z.looseObject({ kind: z.enum(['person', 'companion', 'agent', 'service']), id: z.string() })
/** A reference its reader may not follow shows only that it is there. */
const ShownRef = z.union([z.object({ engagement: z.guid(), object: z.guid(), version: z.int().optional() }), z.object({ hidden: z.literal(true) })])

export const ShownMemory = z.object({
  id: z.guid(),
  engagement: z.guid(),
  type: MemoryObjectType,
  version: z.int(),
  class: MemoryClass,
  binding: z.looseObject({ k: BindingKind }),
  lifetime: z.looseObject({ k: LifetimeKind }),
  display_number: z.int().nullable(),
  payload: z.record(z.string(), z.json()),
  trust: Trust,
  actor: ShownActor,
  sources: z.array(ShownRef),
  supersedes: z.array(z.object({ ref: ShownRef, why: z.string() })),
  about: z.array(z.guid()),
  valid_from: z.string().nullable(),
  valid_to: z.string().nullable(),
  added_at: z.string(),
  committed_at: z.string().nullable(),
  /** A source of it does not hold any more. */
  stale: z.boolean(),
})
export type ShownMemory = z.output<typeof ShownMemory>

interface Reader {
  readonly persona: Persona
  /** Objects the reader has at hand already, fresher than the view. */
  readonly atHand?: ReadonlyMap<string, CurrentMemory>
}

export async function shownMemories(
  rows: readonly CurrentMemory[],
  { persona, atHand }: Reader,
  { db, keyring }: Pick<MemoryParts, 'db' | 'keyring'>,
): Promise<readonly ShownMemory[]> {
  const texts = await opened(rows, keyring)
  const objects = rows.flatMap(refsOf).map(({ object }) => object)
  const seen = objects.length === 0 ? new Map<string, Referred>() : await asReader(db, persona.id, (reader) => readable(reader, objects))
  const own = (object: string) => {
    const row = atHand?.get(object)
    return row !== undefined && row.persona_id === persona.id ? row : undefined
  }
  return rows.map((row) => shown(row, texts.get(row.object) ?? {}, (object) => own(object) ?? seen.get(object)))
}

/** The clear text of each row that has one and whose key is there. */
export async function opened(rows: readonly CurrentMemory[], keyring: MemoryParts['keyring']): Promise<ReadonlyMap<string, JsonObject>> {
  const sealed = rows.filter((row) => row.sealed !== null)
  const texts = await keyring.open(
    sealed.map(({ engagement, object, content_event: eventId, sealed: text }) => ({ engagement, object, eventId, sealed: text })),
  )
  return new Map(sealed.flatMap(({ object }, n) => (texts[n] === undefined ? [] : [[object, texts[n]] as const])))
}

function refsOf({ sources, supersedes, detail }: CurrentMemory): readonly { readonly object: string }[] {
  return [...sources, ...supersedes.map(({ ref }) => ref), ...successorsIn(detail)]
}

function successorsIn({ by }: CurrentMemory['detail']): readonly { readonly object: string }[] {
  return typeof by === 'object' && by !== null && 'object' in by && typeof by.object === 'string' ? [{ object: by.object }] : []
}

type Known = Pick<Referred, 'lifetime'> | undefined

function shown(row: CurrentMemory, text: JsonObject, known: (object: string) => Known): ShownMemory {
  const { displayNumber, ...plain } = row.payload
  const ref = (each: Ref): z.output<typeof ShownRef> => (known(each.object) === undefined ? { hidden: true } : each)
  const persona = row.persona_id === null ? { hat: row.engagement } : { persona: { kind: row.persona_kind, id: row.persona_id } }
  const by = successorsIn(row.detail).some(({ object }) => known(object) === undefined) ? { by: { hidden: true } } : {}
  return ShownMemory.parse({
    id: row.object,
    engagement: row.engagement,
    type: row.type,
    version: row.version,
    class: row.class,
    binding: { k: row.binding_kind, ...persona },
    lifetime: { k: row.lifetime, ...(snakeCased(row.detail) as object), ...by },
    display_number: displayNumber ?? null,
    payload: snakeCased({ ...plain, ...text }),
    trust: row.trust,
    actor: snakeCased(row.author),
    sources: row.sources.map(ref),
    supersedes: row.supersedes.map((each) => ({ ref: ref(each.ref), why: each.why })),
    about: row.about,
    valid_from: row.valid_from,
    valid_to: row.valid_to,
    added_at: row.added_at,
    committed_at: row.committed_at,
    stale: row.sources.some(({ object }) => ENDED.has(known(object)?.lifetime ?? '')),
  })
}

const ENDED: ReadonlySet<string> = new Set(['Superseded', 'Retracted'])
