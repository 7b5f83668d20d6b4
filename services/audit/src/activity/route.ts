import { Fact, ForayClass, ForayType } from '@loomworks/foray'
import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { activity } from '../errors.ts'
import type { AuditParts } from '../parts.ts'
import { type ActivityRow, logSize, recordsNaming } from './queries.ts'

const Entry = z.object({
  id: z.string(),
  log_index: z.int().nullable(),
  state: z.enum(['received', 'sequenced', 'signed']),
  at: z.string(),
  class: ForayClass,
  type: ForayType,
  fact: Fact,
})

const LIMIT = 50
const Query = z.object({ limit: z.string().optional(), cursor: z.string().optional() }).catchall(z.string())

export const myActivityRoute = operation({
  get: '/me/activity',
  id: 'myActivity',
  summary: 'What is recorded of me, newest first',
  authz: { actors: ['person', 'companion'], scope: 'activity.read', object: 'activity', relation: 'self', hide: true },
  query: Query,
  reply: z.object({ items: z.array(Entry), next_cursor: z.string().nullable(), log_size: z.int(), degraded: z.boolean() }),
  refuses: [activity.filter_invalid, activity.bad_cursor],

  async answer({ query, caller }, { db }: AuditParts) {
    const { before, limit } = filterOf(query)
    const rows = await recordsNaming(db, caller.actor.id, { before, limit: limit + 1 })
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return { items: rows.slice(0, limit).map(entry), next_cursor: last === undefined ? null : cursorOf(last), log_size: await logSize(db), degraded: false }
  },
})

interface Filter {
  readonly before: bigint | undefined
  readonly limit: number
}

/** 422 `activity.filter_invalid` for a parameter that is unknown or out of range, `bad_cursor` for a cursor we never gave. */
function filterOf({ limit, cursor, ...unknown }: z.output<typeof Query>): Filter {
  if (Object.keys(unknown).length > 0 || (limit !== undefined && !/^(?:[1-9][0-9]?|100)$/.test(limit))) throw activity.filter_invalid()
  return { before: cursor === undefined ? undefined : arrivalOf(cursor), limit: Number(limit ?? LIMIT) }
}

function cursorOf({ arrival }: ActivityRow): string {
  return Buffer.from(`a${arrival}`).toString('base64url')
}

function arrivalOf(cursor: string): bigint {
  const [, arrival] = /^a([1-9][0-9]{0,18})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  if (arrival === undefined) throw activity.bad_cursor()
  return BigInt(arrival)
}

function entry({ id, log_index, signed, occurred_at, ...words }: ActivityRow): z.input<typeof Entry> {
  const state = log_index === null ? 'received' : signed ? 'signed' : 'sequenced'
  return { id, log_index: log_index === null ? null : Number(log_index), state, at: occurred_at, class: words.class, type: words.type, fact: words.fact }
}
