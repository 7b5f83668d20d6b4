// What an operator watches of sagas (saga page §2): how many are open, how long they and their steps take, what comes too late or twice.
import type { Bus } from '@loomworks/bus'
import type { SagaEnd } from '@loomworks/sagas'
import { type Database, ident, many, sql } from '@loomworks/sql'
import { Counter, Gauge, Histogram } from 'prom-client'
import { z } from 'zod'
import { readAtMostEvery, type ServiceMetrics } from './metrics.ts'

export interface SagaMetrics {
  /** A reply came too late to mean anything. */
  stale(): void
  ended(saga: SagaEnd): void
}

const SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10, 60]
const Open = z.object({
  definition: z.string(),
  state: z.string(),
  open: z.coerce.number(),
  stalled: z.coerce.number(),
  oldest: z.coerce.number(),
  unanswered: z.coerce.number(),
})
const READ_AGAIN_MS = 500
const COUNTED_AGAIN_MS = 5000

/** Of the service that hosts sagas. */
export function sagaMetrics(
  { registry }: ServiceMetrics,
  { db, schema, bus }: { readonly db: Database; readonly schema: string; readonly bus: Bus },
): SagaMetrics {
  const registers = [registry]
  openGauges(registers, () =>
    many(
      db,
      Open,
      sql`select definition, state, count(*) as open, count(*) filter (where overlay @> array['stalled']) as stalled,
                 extract(epoch from clock_timestamp() - min(started_at)) as oldest,
                 coalesce(extract(epoch from clock_timestamp() - min(updated_at) filter (where outstanding <> '[]')), 0) as unanswered
            from ${ident(`${schema}.saga_open`)}
           where state not in ('completed', 'aborted')
           group by definition, state`,
    ),
  )
  deadLetters(registers, bus)
  const stale = new Counter({ name: 'saga_stale_replies_total', help: 'Replies that came too late to mean anything.', registers })
  const took = new Histogram({
    name: 'saga_duration_seconds',
    help: 'From the request of a saga to its end.',
    labelNames: ['definition', 'outcome'],
    buckets: SECONDS,
    registers,
  })
  const steps = new Histogram({
    name: 'saga_step_seconds',
    help: 'From the first sending of a step to its answer.',
    labelNames: ['step'],
    buckets: SECONDS,
    registers,
  })
  return {
    stale: () => stale.inc(),
    ended({ definition, state: outcome, startedAt, updatedAt, steps: all }) {
      took.observe({ definition, outcome }, Math.max(0, Date.parse(updatedAt) - Date.parse(startedAt)) / 1000)
      for (const { step, tookMs } of all) if (tookMs !== undefined) steps.observe({ step }, tookMs / 1000)
    },
  }
}

function openGauges(registers: ServiceMetrics['registry'][], ask: () => Promise<readonly z.output<typeof Open>[]>): void {
  const read = readAtMostEvery(READ_AGAIN_MS, ask)
  const gauge = (name: string, help: string, value: (row: z.output<typeof Open>) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['definition', 'state'],
      registers,
      async collect() {
        this.reset()
        for (const row of await read().catch(() => [])) this.set({ definition: row.definition, state: row.state }, value(row))
      },
    })
  gauge('saga_open', 'Sagas that have not ended.', ({ open }) => open)
  gauge('saga_stalled', 'Of them, those that nothing moves by itself.', ({ stalled }) => stalled)
  gauge('saga_oldest_seconds', 'Age of the oldest of them.', ({ oldest }) => oldest)
  gauge('saga_unanswered_seconds', 'Age of the oldest command that nobody has answered.', ({ unanswered }) => unanswered)
}

/** The letters are counted by looking through them, so not at every question. */
function deadLetters(registers: ServiceMetrics['registry'][], bus: Bus): void {
  const counted = readAtMostEvery(COUNTED_AGAIN_MS, () => lettersOn(bus))
  new Gauge({
    name: 'dlq_messages',
    help: 'Dead letters by the service whose handler gave up, and why.',
    labelNames: ['of', 'reason'],
    registers,
    async collect() {
      const letters = await counted().catch(() => undefined)
      this.reset()
      for (const [subject, count] of letters ?? []) {
        const [, of = '', reason = ''] = subject.split('.')
        this.set({ of, reason }, count)
      }
    },
  })
}

async function lettersOn(bus: Bus): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for await (const { subject } of bus.browse('DLQ', 'dlq.>')) counts.set(subject, (counts.get(subject) ?? 0) + 1)
  return counts
}

/** Of every service that takes part in sagas: counts what was answered again from a fence. */
export function fenceMetrics({ registry }: ServiceMetrics): (step: string) => void {
  const duplicates = new Counter({
    name: 'fence_duplicates_total',
    help: 'Commands that were answered again from what their fence held.',
    labelNames: ['step'],
    registers: [registry],
  })
  return (step) => duplicates.inc({ step })
}
