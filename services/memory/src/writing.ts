// What the write operations share: how trouble of the store is told, and how the answer of a command looks.
import type { Handled } from '@loomworks/event-store'
import { Terminal, Transient } from '@loomworks/kernel'
import { Answered } from '@loomworks/service-kit'
import { z } from 'zod'
import type { Access } from './access.ts'
import { readEngagement } from './current-memory/queries.ts'
import { refuse } from './errors.ts'
import type { MemoryParts } from './parts.ts'
import { ShownMemory, shownMemories } from './shown.ts'

export const WrittenMemory = ShownMemory.extend({ engagement_version: z.int(), duplicate: z.literal(true).optional() })

/** Refusals of the store, in the words of the service: too much at once, or an outcome nobody knows. */
export async function written<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Transient) throw refuse.store_unavailable(undefined, 1)
    if (error instanceof Terminal && error.code === 'event_store.invalid_append') throw refuse.too_large()
    throw error
  }
}

/** Where a write stands in the log. */
export function positioned({ position }: Pick<Handled<unknown>, 'position'>): { readonly headers: Readonly<Record<string, string>> } {
  return { headers: position === undefined ? {} : { 'loom-position': position } }
}

/** The object as it stands after a command. */
export async function answerOf(object: string, { engagement, rights }: Access, handled: Handled<unknown>, parts: MemoryParts): Promise<Answered> {
  const { rows } = await readEngagement(parts.eventStore, engagement)
  const row = rows.get(object)
  if (row === undefined) throw refuse.object_not_found()
  const [shown] = await shownMemories([row], { persona: rights.persona, atHand: rows }, parts)
  return new Answered(200, { ...shown, engagement_version: Number(handled.revision) + 1 }, positioned(handled))
}
