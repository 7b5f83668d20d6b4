// What an exact duplicate is found by: an HMAC of type and text under its persona's key, never the text.
import { batchProjection, type Projected, type Projection } from '@loomworks/projections'
import { exec, sql, type Tx } from '@loomworks/sql'
import type { EngagementEvent, EventOf } from '../engagement/events.ts'
import { ENGAGEMENT_STREAMS } from '../engagement/stream.ts'
import type { MemoryParts } from '../parts.ts'

interface Mark {
  readonly object: string
  readonly engagement: string
  readonly class: string
  readonly persona_kind: string
  readonly persona_id: string
  readonly mark: string
  readonly key_id: string
}

export function duplicateMarks({ keyring }: Pick<MemoryParts, 'keyring'>): Projection {
  return batchProjection<EngagementEvent>({
    name: 'duplicate_mark_v1',
    streams: [ENGAGEMENT_STREAMS],
    concerns: ({ type }) => type === 'MemoryAdded' || type === 'MemorySuperseded' || type === 'MemoryRetracted',
    apply: async (tx, events) => {
      await insert(tx, await marksOf(keyring, events))
      await remove(
        tx,
        events.flatMap(({ event }) => (event.type === 'MemorySuperseded' || event.type === 'MemoryRetracted' ? [event.data.object] : [])),
      )
    },
  })
}

type Assertion = Projected<EventOf<'MemoryAdded'>>

/** The events of a batch whose text can still be read. */
async function marksOf(keyring: MemoryParts['keyring'], events: readonly Projected<EngagementEvent>[]): Promise<readonly Mark[]> {
  const added = events.flatMap((each) => (isAssertion(each) ? [each] : []))
  const texts = await keyring.open(
    added.map(({ event, envelope }) => ({ engagement: event.data.engagement, object: event.data.object, eventId: envelope.id, sealed: envelope.sealed })),
  )
  const marks: Mark[] = []
  for (const [n, { event, envelope }] of added.entries()) {
    const { binding, object, engagement, class: memoryClass, objectType } = event.data
    const text = texts[n]?.text
    if (binding.k !== 'PersonalOnly' || typeof text !== 'string') continue
    const { kind, id } = binding.persona
    const mark = await keyring.markOf(binding.persona, objectType, text)
    if (mark !== undefined)
      marks.push({ object, engagement, class: memoryClass, persona_kind: kind, persona_id: id, mark, key_id: String(envelope.sealed?.kid) })
  }
  return marks
}

function isAssertion(each: Projected<EngagementEvent>): each is Assertion {
  return each.event.type === 'MemoryAdded' && each.event.data.objectType === 'assertion'
}

async function insert(tx: Tx, marks: readonly Mark[]): Promise<void> {
  if (marks.length === 0) return
  await exec(
    tx,
    sql`insert into memory.duplicate_mark_v1
        select * from jsonb_populate_recordset(null::memory.duplicate_mark_v1, ${JSON.stringify(marks)})
        on conflict (object) do nothing`,
  )
}

async function remove(tx: Tx, objects: readonly string[]): Promise<void> {
  if (objects.length > 0) await exec(tx, sql`delete from memory.duplicate_mark_v1 where object = any(${objects}::uuid[])`)
}
