import { projectedOf } from '@loomworks/projections'
import type { Access } from './access.ts'
import { streamOf } from './engagement/stream.ts'
import { type EngagementCard, engagementCards } from './engagement-card/projection.ts'
import { cardOf, type MyCard } from './engagement-card/queries.ts'
import { refuse } from './errors.ts'
import type { MemoryParts } from './parts.ts'
import { asReader } from './reader.ts'

/** The card of the view, or the same fold of the stream for an engagement so new that no view has seen it. */
export async function currentCard(access: Access, parts: MemoryParts): Promise<MyCard> {
  const viewed = await asReader(parts.db, access.rights.persona.id, (reader) => cardOf(reader, access.engagement))
  return viewed ?? foldedCard(access, parts)
}

/** The card as the stream has it now: for whoever has just changed it. */
export async function foldedCard({ engagement, rights, standing }: Access, { eventStore }: MemoryParts): Promise<MyCard> {
  const folded: Parameters<typeof engagementCards.foldInto>[0] = new Map()
  for await (const event of eventStore.readStream(streamOf(engagement))) engagementCards.foldInto(folded, [projectedOf(event)])
  const card = folded.get(engagement)?.row as EngagementCard | undefined
  if (card === undefined || (card.owner !== null && card.owner !== rights.persona.id)) throw refuse.engagement_not_found()
  return { ...card, designations: standing.designations, commit_authority: standing.commit_authority }
}
