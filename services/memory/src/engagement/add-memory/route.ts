import type { Caller, Envelope, Trust } from '@loomworks/kernel'
import { Answered, operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { type Access, accessTo } from '../../access.ts'
import { readable, readEngagement, rowsAfter } from '../../current-memory/queries.ts'
import { refuse } from '../../errors.ts'
import { keptMemory } from '../../kept-replies.ts'
import type { MemoryParts } from '../../parts.ts'
import { asReader } from '../../reader.ts'
import { shownMemories } from '../../shown.ts'
import { positioned, WrittenMemory, written } from '../../writing.ts'
import { engagement } from '../evolve.ts'
import { streamOf } from '../stream.ts'
import { AddBody, newMemory } from './body.ts'
import { addMemory, type NewMemory, objectIdOf } from './decide.ts'
import { knownAlready, remember } from './known-already.ts'

const Batch = z.object({ items: z.array(WrittenMemory.omit({ engagement_version: true })), engagement_version: z.int() })

export const addMemoryRoute = operation({
  post: '/engagements/:engagement/memory',
  id: 'addMemory',
  summary: 'Claim something, or several things that stand or fall together',
  authz: { actors: ['person', 'companion', 'agent'], scope: 'memory.write', object: 'engagement', idFrom: 'params.engagement', relation: 'member', hide: true },
  limits: { idempotency: 'optional' },
  params: z.object({ engagement: z.string() }),
  body: AddBody,
  reply: z.union([WrittenMemory, Batch]),
  status: 201,
  also: { 200: z.union([WrittenMemory, Batch]) },
  refuses: [
    refuse.address_malformed,
    refuse.engagement_not_found,
    refuse.engagement_not_writable,
    refuse.class_required,
    refuse.sources_unknown,
    refuse.type_not_addable,
    refuse.personal_memory_only,
    refuse.personal_needs_person,
    refuse.held_quota_exceeded,
    refuse.commit_authority_required,
    refuse.self_commit_forbidden,
    refuse.untrusted_needs_person,
    refuse.target_not_active,
    refuse.too_large,
    refuse.store_unavailable,
  ],

  async answer(request, parts: MemoryParts) {
    const { params, body } = request
    const access = await accessTo(params.engagement, request, parts)
    const adding = { access, body, items: body.items.map(newMemory) }
    return request.onceAround(parts.db, { ...keptMemory(access, parts), write: (caller) => added(adding, caller, parts) })
  },
})

interface Adding {
  readonly access: Access
  readonly body: z.output<typeof AddBody>
  readonly items: readonly NewMemory[]
}

async function added({ access, body, items }: Adding, caller: Caller, parts: MemoryParts): Promise<Answered> {
  const around = { commandId: caller.commandId, access, parts }
  const known = await knownAlready(items, around)
  const fresh = items.filter(({ n }) => !known.has(n))
  const foreign = await foreignSources(fresh, access, parts)
  const command = { engagement: access.engagement, items: fresh, commit: body.commit, rights: access.rights, foreign }
  const handled = await written(parts.handle(engagement, access.engagement, addMemory, command, caller))
  const said = { revision: handled.revision, position: handled.position, appended: handled.appended }
  await remember(fresh, around)
  const shown = await shownItems({ items, known, appended: said.appended, commandId: caller.commandId, access }, parts)
  const engagement_version = Number(said.revision) + 1
  const answer: object = body.batch ? { items: shown, engagement_version } : { ...shown[0], engagement_version }
  return new Answered(fresh.length > 0 ? 201 : 200, answer, positioned(said))
}

interface Showing {
  readonly items: readonly NewMemory[]
  readonly known: ReadonlyMap<number, string>
  readonly appended: readonly Envelope[]
  readonly commandId: string
  readonly access: Access
}

/** Each item as it stands: out of what was just appended, or out of the stream for what was there before. */
async function shownItems({ items, known, appended, commandId, access }: Showing, parts: MemoryParts): Promise<readonly object[]> {
  const { engagement: here, rights } = access
  const current = appended.length > 0 && known.size === 0
  const rows = current ? rowsAfter(appended, streamOf(here)) : (await readEngagement(parts.eventStore, here)).rows
  const found = items.flatMap(({ n }) => rows.get(known.get(n) ?? objectIdOf(commandId, n)) ?? [])
  const shown = await shownMemories(found, { persona: rights.persona, atHand: rows }, parts)
  return shown.map((each, place) => ({ ...each, ...(known.has(items[place]?.n ?? -1) && { duplicate: true }) }))
}

/** Trust of what is cited from other engagements, as far as the caller may read it. */
async function foreignSources(items: readonly NewMemory[], { engagement: here, rights }: Access, { db }: MemoryParts): Promise<ReadonlyMap<string, Trust>> {
  const cited = items.flatMap(({ sources }) => sources.filter((source) => source.engagement !== here))
  if (cited.length === 0) return new Map()
  const seen = await asReader(db, rights.persona.id, (reader) =>
    readable(
      reader,
      cited.map(({ object }) => object),
    ),
  )
  return new Map(
    cited.flatMap(({ engagement: there, object }) => {
      const source = seen.get(object)
      return source?.engagement === there ? [[object as string, source.trust] as const] : []
    }),
  )
}
