// An engagement as HTTP shows it. A personal one is named after the name its owner signed up with, joined now and kept nowhere.
import { Designation, EngagementState, Visibility } from '@loomworks/contracts'
import { z } from 'zod'
import type { MyCard } from './engagement-card/queries.ts'
import { identifierOf } from './identifiers.ts'
import type { MemoryParts } from './parts.ts'
import { snakeCased } from './snake.ts'
import { titlesOf } from './titles.ts'

const Room = z.enum(['open', 'dormant'])

export const ShownEngagement = z.object({
  id: z.guid(),
  state: EngagementState,
  visibility: Visibility,
  display_identifier: z.string().nullable(),
  title: z.string().nullable(),
  /** Of a personal engagement. */
  name: z.string().nullable(),
  owner: z.guid().nullable(),
  opened_by: z.looseObject({ kind: z.string(), id: z.string() }),
  opened_at: z.string(),
  activated_at: z.string().nullable(),
  seed: z.object({ engagement: z.guid(), object: z.guid() }).nullable(),
  engagement_version: z.int(),
  rooms: z.object({ memory: Room, manifestation: Room, shaping: Room, render: Room }),
  my: z.object({ designations: z.array(Designation), commit_authority: z.boolean() }),
})

export async function shownEngagement(card: MyCard, parts: Pick<MemoryParts, 'names' | 'keyring'>): Promise<z.input<typeof ShownEngagement>> {
  const titled = await titlesOf([card], parts.keyring)
  return shown(card, { title: titled(card.engagement), names: parts.names })
}

export async function shownEngagements(
  cards: readonly MyCard[],
  { names, keyring }: Pick<MemoryParts, 'names' | 'keyring'>,
): Promise<z.input<typeof ShownEngagement>[]> {
  const titled = await titlesOf(cards, keyring)
  return Promise.all(cards.map((card) => shown(card, { title: titled(card.engagement), names })))
}

interface Called {
  readonly title: string
  readonly names: MemoryParts['names']
}

async function shown(card: MyCard, { title, names }: Called): Promise<z.input<typeof ShownEngagement>> {
  const { engagement, state, visibility, number, owner, opened_by, opened_at, activated_at, seed, engagement_version } = card
  return {
    id: engagement,
    state,
    visibility,
    display_identifier: number === null ? null : identifierOf(number),
    title: owner === null ? title : null,
    name: owner === null ? null : await nameOf(owner, names),
    owner,
    opened_by: snakeCased(opened_by) as { kind: string; id: string },
    opened_at,
    activated_at,
    seed: seed === null ? null : { engagement, object: seed },
    engagement_version,
    rooms: roomsOf(card),
    my: { designations: card.designations, commit_authority: card.commit_authority || card.designations.includes('operator') },
  }
}

async function nameOf(owner: string, names: MemoryParts['names']): Promise<string> {
  const known = (await names.of([owner])).get(owner)
  return known === undefined ? 'Personal' : `Personal — ${known.signupDisplayName}`
}

/** What the seed in force declares nothing for sleeps. */
function roomsOf({ seed, seeds }: MyCard): z.input<typeof ShownEngagement>['rooms'] {
  const declared = seed === null ? undefined : seeds[seed]
  const shaping = (declared?.shapes ?? 0) > 0 ? 'open' : 'dormant'
  return { memory: 'open', manifestation: shaping, shaping, render: (declared?.renders ?? 0) > 0 ? 'open' : 'dormant' }
}
