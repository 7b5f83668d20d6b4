import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { Persona } from '../vocabulary.ts'

const Marked = z.object({ mark: z.string(), object: z.string() })

/** Objects of this engagement, class and persona with one of these marks: the caller's own, so the caller may read them. */
export async function objectsMarked(
  db: Db,
  { engagement, class: memoryClass, persona }: { readonly engagement: string; readonly class: string; readonly persona: Persona },
  marks: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = await many(
    db,
    Marked,
    sql`select mark, object
          from memory.duplicate_mark_v1
         where mark = any(${marks}::text[])
           and engagement = ${engagement} and class = ${memoryClass} and persona_kind = ${persona.kind} and persona_id = ${persona.id}`,
  )
  return new Map(found.map(({ mark, object }) => [mark, object]))
}
