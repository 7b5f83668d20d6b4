import type { Access } from '../access.ts'
import { refuse } from '../errors.ts'
import { standingOf } from '../membership/queries.ts'
import type { MemoryParts } from '../parts.ts'
import { type CurrentMemory, type ReadEngagement, readEngagement } from './queries.ts'

export interface ReadObject extends ReadEngagement {
  readonly row: CurrentMemory
}

/** One object as the stream has it, for who may read it; 404 `object_not_found` for everybody else. */
export async function readObject(object: string, access: Access, parts: MemoryParts): Promise<ReadObject> {
  const read = await readEngagement(parts.eventStore, access.engagement)
  if (!isOpenTo(read, access)) throw refuse.engagement_not_found()
  const row = read.rows.get(object)
  if (row === undefined || !(await mayRead(row, access, parts))) throw refuse.object_not_found()
  return { ...read, row }
}

/** A personal engagement has no member but its owner, whatever is told. */
function isOpenTo({ rows }: ReadEngagement, { engagement, rights }: Access): boolean {
  const itself = rows.get(engagement)
  return itself !== undefined && (itself.persona_id === null || itself.persona_id === rights.persona.id)
}

/** The rule of the view's policy, for an object that does not come from the view. The caller is a member already. */
async function mayRead({ class: memoryClass, persona_id, engagement }: CurrentMemory, { rights }: Access, { db }: MemoryParts): Promise<boolean> {
  if (persona_id === null || persona_id === rights.persona.id) return true
  return memoryClass === 'operational' && (await standingOf(db, persona_id, engagement)) !== undefined
}
