import type { PersonId } from '@loomworks/kernel'
import { operation, page, paged, placeOf } from '@loomworks/service-kit'
import { z } from 'zod'
import type { MemoryParts } from '../../parts.ts'
import { asReader } from '../../reader.ts'
import { opened } from '../../shown.ts'
import { confirmStandings } from '../../standings.ts'
import { titlesOf } from '../../titles.ts'
import { waitingFor } from '../queries.ts'
import { NamedEngagement, NamedObject, namedEngagement } from '../shown.ts'

const Entry = z.object({ kind: z.literal('held_memory'), engagement: NamedEngagement, ref: NamedObject, since: z.string(), summary: z.string() })
const SUMMARY_LENGTH = 160

export const needsYouDashboardRoute = operation({
  get: '/me/dashboard/needs_you',
  id: 'needsYouDashboard',
  summary: 'What waits for me to settle it',
  authz: { actors: ['person', 'companion'], scope: 'memory.read', object: 'dashboard', relation: 'self', hide: false },
  query: z.strictObject(page),
  reply: z.object({ items: z.array(Entry), next_cursor: z.string().nullable() }),
  refuses: [],

  async answer({ query, caller }, parts: MemoryParts) {
    const { db, keyring } = parts
    const persona = caller.actor.id
    await confirmStandings(parts, { kind: 'person', id: caller.actor.id as PersonId })
    const asked = { persona, before: placeOf(query.cursor), limit: query.limit + 1 }
    const found = await asReader(db, persona, (reader) => waitingFor(reader, asked))
    const { rows, next } = paged(found, query.limit, ({ since, object }) => ({ at: since, id: object }))
    const texts = await opened(rows, keyring)
    const titled = await titlesOf(rows, keyring)
    const items = rows.map((row) => ({
      kind: row.kind,
      engagement: namedEngagement(row, titled),
      ref: { engagement: row.engagement, object: row.object, version: row.version },
      since: row.since,
      summary: summaryOf(texts.get(row.object)),
    }))
    return { items, next_cursor: next }
  },
})

/** The first words of what waits. */
function summaryOf(text: { readonly text?: unknown; readonly whatTheWorkIs?: unknown } | undefined): string {
  const said = text?.text ?? text?.whatTheWorkIs
  return typeof said === 'string' ? [...said].slice(0, SUMMARY_LENGTH).join('') : ''
}
