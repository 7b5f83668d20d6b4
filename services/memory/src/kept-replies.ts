// What is kept of the reply to a write under an Idempotency-Key: everything but its text. The text is read anew for who asks again, so that what was
// erased or sealed meanwhile is in no reply either.
import { type EngagementId, idOf, type Json } from '@loomworks/kernel'
import type { Around } from '@loomworks/service-kit'
import { z } from 'zod'
import type { Access } from './access.ts'
import { readEngagement } from './current-memory/queries.ts'
import { refuse } from './errors.ts'
import type { MemoryParts } from './parts.ts'
import { type ShownMemory, shownMemories } from './shown.ts'

type Keeping = Pick<Around, 'keep' | 'again'>

const KeptMemory = z.looseObject({ id: z.guid() })
const KeptBatch = z.looseObject({ items: z.array(KeptMemory) })

/** Of one object, or of several. */
export function keptMemory(access: Access, parts: MemoryParts): Keeping {
  return {
    keep(body) {
      const batch = KeptBatch.safeParse(body)
      return (batch.success ? { ...batch.data, items: batch.data.items.map(withoutText) } : withoutText(KeptMemory.parse(body))) as Json
    },
    async again(kept) {
      const batch = KeptBatch.safeParse(kept)
      const items = batch.success ? batch.data.items : [KeptMemory.parse(kept)]
      const texts = await textsOf(
        items.map(({ id }) => id),
        access,
        parts,
      )
      const told = items.map((item) => ({ ...item, payload: texts.get(item.id) }))
      return batch.success ? { ...batch.data, items: told } : told[0]
    },
  }
}

function withoutText({ payload: _, ...rest }: z.output<typeof KeptMemory>) {
  return rest
}

async function textsOf(ids: readonly string[], { engagement, rights }: Access, parts: MemoryParts): Promise<ReadonlyMap<string, ShownMemory['payload']>> {
  const { rows } = await readEngagement(parts.eventStore, engagement)
  const there = ids.map((id) => rows.get(id) ?? missing())
  const shown = await shownMemories(there, { persona: rights.persona, atHand: rows }, parts)
  return new Map(shown.map(({ id, payload }) => [id, payload]))
}

function missing(): never {
  throw refuse.object_not_found()
}

const KeptEngagement = z.looseObject({ id: idOf<'engagement'>() })

/** Of an engagement; `titled` gives the title it has now for who asks, and refuses where it is not theirs to see any more. */
export function keptEngagement(titled: (id: EngagementId) => Promise<string | null>): Keeping {
  return {
    keep(body) {
      const { title: _, ...rest } = KeptEngagement.parse(body)
      return rest as Json
    },
    async again(kept) {
      const engagement = KeptEngagement.parse(kept)
      return { ...engagement, title: await titled(engagement.id) }
    },
  }
}
