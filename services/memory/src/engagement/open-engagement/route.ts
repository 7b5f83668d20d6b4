import { type Caller, derivedId, type EngagementId, type PersonId } from '@loomworks/kernel'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { Access } from '../../access.ts'
import { currentCard } from '../../current-engagement.ts'
import { refuse } from '../../errors.ts'
import { keptEngagement } from '../../kept-replies.ts'
import { keepStanding, standingOf } from '../../membership/queries.ts'
import type { MemoryParts } from '../../parts.ts'
import { ShownEngagement, shownEngagement } from '../../shown-engagement.ts'
import { positioned, written } from '../../writing.ts'
import { Title } from '../events.ts'
import { engagement } from '../evolve.ts'
import { SeedBody, seedOf } from '../seed-body.ts'
import type { Rights } from '../state.ts'
import { streamOf } from '../stream.ts'
import { mayOpen, openEngagement } from './decide.ts'
import { takePlace } from './places.ts'

export const openEngagementRoute = operation({
  post: '/engagements',
  id: 'openEngagement',
  summary: 'Open a candidate engagement and be its operator',
  authz: { actors: ['person', 'companion'], scope: 'memory.write', object: 'engagement', relation: 'none', hide: false },
  limits: { idempotency: 'optional' },
  body: z.strictObject({ title: Title, visibility: z.enum(['private', 'discoverable']).default('private'), seed: SeedBody.optional() }),
  reply: ShownEngagement,
  status: 201,
  refuses: [shared.actor_refused, refuse.engagement_limit, refuse.engagement_not_found, refuse.store_unavailable],

  async answer({ body, caller: { actor }, onceAround, idempotencyKey }, parts: MemoryParts) {
    if (!mayOpen(actor)) throw shared.actor_refused()
    const rights: Rights = { persona: { kind: 'person', id: actor.id }, commit: true, personally: true }
    const { title, visibility, seed } = body
    return onceAround(parts.db, {
      ...keptEngagement((id) => opened(id, rights, parts).then(() => title)),
      async write(caller) {
        const id = derivedId<'engagement'>(caller.commandId, 'object', 0)
        // What a crash has left of the same command is finished, and takes no second number.
        const isRepeat = idempotencyKey !== undefined && (await isThere(id, parts))
        const command = {
          engagement: id,
          title,
          visibility,
          seed: seed && { object: derivedId<'object'>(caller.commandId, 'object', 1), ...seedOf(seed) },
          rights,
        }
        const handled = isRepeat ? undefined : await opening(command, caller, parts)
        const card = await currentCard(await opened(id, rights, parts), parts)
        return new Answered(201, await shownEngagement(card, parts), handled === undefined ? {} : positioned(handled))
      },
    })
  },
})

async function isThere(id: EngagementId, { eventStore }: MemoryParts): Promise<boolean> {
  for await (const _ of eventStore.readStream(streamOf(id))) return true
  return false
}

type Command = Omit<Parameters<typeof openEngagement>[0], 'number' | keyof Pick<Caller, 'actor' | 'commandId'> | 'at'>

async function opening(command: Command, caller: Caller, parts: MemoryParts) {
  await takePlace(parts.db, command.engagement, command.rights.persona.id)
  const number = await written(parts.numbers.next(caller))
  return written(parts.handle(engagement, command.engagement, openEngagement, { ...command, number }, caller))
}

/** The operator's right is there at once: identity, which keeps memberships, has not heard of the engagement yet. */
async function opened(id: EngagementId, rights: Rights, { db }: MemoryParts): Promise<Access> {
  const personId = rights.persona.id as string as PersonId
  await keepStanding(db, {
    membership: derivedId(id, personId),
    engagement: id,
    principal_kind: 'person',
    principal_id: personId,
    designations: ['operator'],
    commit_authority: false,
    active: true,
    // Before anything that identity will say of it.
    revision: 0n,
  })
  const standing = await standingOf(db, personId, id)
  if (standing === undefined) throw refuse.engagement_not_found()
  return { engagement: id, rights, standing }
}
