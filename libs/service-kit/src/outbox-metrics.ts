// How much waits in a service's outbox, and for how long: what nobody has heard of yet.
import { type Database, ident, one, sql } from '@loomworks/sql'
import { Gauge } from 'prom-client'
import { z } from 'zod'
import { readAtMostEvery, type ServiceMetrics } from './metrics.ts'

const Waiting = z.object({ rows: z.coerce.number(), seconds: z.coerce.number() })
const ASKED_AGAIN_MS = 1000

export function outboxMetrics(service: string, { db, metrics }: { readonly db: Database; readonly metrics: ServiceMetrics }): void {
  const table = ident(`${service}.outbox`)
  const waiting = readAtMostEvery(ASKED_AGAIN_MS, () =>
    one(
      db,
      Waiting,
      sql`select count(*) as rows, coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0) as seconds from ${table} where published_at is null`,
    ),
  )
  const gauge = (name: string, help: string, value: (standing: z.output<typeof Waiting>) => number) =>
    new Gauge({
      name,
      help,
      registers: [metrics.registry],
      async collect() {
        // Numbers must be had when the database is down, above all then.
        const standing = await waiting().catch(() => undefined)
        this.set(standing === undefined ? Number.NaN : value(standing))
      },
    })
  gauge('outbox_depth', 'Facts that are committed and not published yet.', ({ rows }) => rows)
  gauge('outbox_lag_seconds', 'Age of the oldest of them.', ({ seconds }) => seconds)
}
