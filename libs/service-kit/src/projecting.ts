// The projections of a service as one of its loops, and how far each has come as metrics.
import type { EventStore } from '@loomworks/event-store'
import { type Projection, ProjectionRunner, type Standing } from '@loomworks/projections'
import type { Database } from '@loomworks/sql'
import { Gauge } from 'prom-client'
import type { Log } from './logger.ts'
import type { ServiceMetrics } from './metrics.ts'

interface ProjectingParts {
  readonly eventStore: EventStore
  readonly db: Database
  readonly instance: string
  readonly log: Log
  readonly metrics: ServiceMetrics
}

export function projectionWorker(
  schema: string,
  projections: readonly Projection[],
  { eventStore, db, instance, log, metrics }: ProjectingParts,
): { readonly name: string; run(signal: AbortSignal): Promise<void> } {
  const onTrouble = (error: unknown) => log.warn({ err: error }, 'projections wait')
  const runner = new ProjectionRunner({ eventStore, db, schema, projections, instance, onTrouble, log })
  const gauge = (name: string, help: string, read: (standing: Standing) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['projection'],
      registers: [metrics.registry],
      collect() {
        for (const standing of runner.lag()) this.set({ projection: standing.name }, read(standing))
      },
    })
  gauge('projection_behind_events', 'Events received and not committed yet.', ({ behindEvents }) => behindEvents)
  gauge('projection_behind_seconds', 'Age of the oldest event that is not committed yet.', ({ behindMs }) => behindMs / 1000)
  gauge('projection_stopped', '1 where a projection stopped at an event it cannot apply, or at a broken hash chain.', ({ stopped }) =>
    Number(stopped !== undefined),
  )
  return { name: 'projections', run: (signal) => runner.run(signal) }
}
