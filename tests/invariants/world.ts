// Everything a deployment holds, read once as its superuser: what the invariants are checked against.
import type { EventStore } from '@loomworks/event-store'
import { readEnvelope } from '@loomworks/event-store'
import { derivedId, type Envelope } from '@loomworks/kernel'
import { type Database, many, openDatabase, sql } from '@loomworks/sql'
import { z } from 'zod'

export interface SagaWorld {
  readonly id: string
  readonly state: string
  readonly personId: string
  readonly engagementId: string
  readonly events: readonly Envelope[]
  readonly engagement: readonly Envelope[]
  readonly fences: ReadonlyMap<string, string>
  readonly tokenHash: string | undefined
  readonly registrationId: string
}

export interface World {
  readonly db: Database
  readonly eventStore: EventStore
  /** Those that are looked at. */
  readonly sagas: readonly SagaWorld[]
  /** Every person who has come beyond the pivot. */
  readonly made: ReadonlySet<string>
}

export interface Reachable {
  readonly adminUrl: string
  readonly eventStore: EventStore
  /** Only sagas that began after this are looked at. */
  readonly since?: Date
}

const SagaRow = z.object({ saga_id: z.string(), state: z.string(), looked_at: z.boolean() })
const FenceRow = z.object({ saga_id: z.string(), step: z.string(), state: z.string() })
const Requested = z.looseObject({ input: z.looseObject({ registrationId: z.string(), tokenHash: z.string().optional() }) })

/** Opens the deployment's database, reads all sagas and what they did, and hands it over. */
export async function withWorld<T>({ adminUrl, eventStore, since }: Reachable, look: (world: World) => Promise<T>): Promise<T> {
  const db = openDatabase({ url: adminUrl, max: 2, applicationName: 'invariants', onError: () => undefined })
  try {
    const all = await many(
      db,
      SagaRow,
      sql`select saga_id, state, started_at > coalesce(${since?.toISOString() ?? null}::timestamptz, '-infinity') as looked_at
            from identity.saga_open
           where definition = 'signup'`,
    )
    const rows = all.filter(({ looked_at }) => looked_at)
    const made = new Set(all.filter(({ state }) => state === 'completed' || state === 'committed').map(({ saga_id }) => derivedId(saga_id, 'person')))
    const fences = await many(
      db,
      FenceRow,
      sql`select saga_id, step, state from identity.saga_fence
          union all select saga_id, step, state from credit.saga_fence
          union all select saga_id, step, state from memory.saga_fence`,
    )
    const sagas: SagaWorld[] = []
    for (const { saga_id: id, state } of rows) {
      const events = await stream(eventStore, `saga-signup-${id}`)
      const engagementId = derivedId(id, 'engagement')
      const { input } = Requested.parse(events[0]?.data)
      sagas.push({
        id,
        state,
        personId: derivedId(id, 'person'),
        engagementId,
        events,
        engagement: await stream(eventStore, `engagement-${engagementId}`),
        fences: new Map(fences.filter(({ saga_id }) => saga_id === id).map((fence) => [fence.step, fence.state])),
        tokenHash: input.tokenHash,
        registrationId: input.registrationId,
      })
    }
    return await look({ db, eventStore, sagas, made })
  } finally {
    await db.close()
  }
}

async function stream(store: EventStore, name: string): Promise<readonly Envelope[]> {
  const events: Envelope[] = []
  for await (const event of store.readStream(name)) events.push(readEnvelope(event))
  return events
}
