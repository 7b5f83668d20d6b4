// Which adapter stands behind each port. A URL chooses the real engine, none chooses Postgres; a driver is loaded only when its engine
// was chosen, so an embedded start pays for neither.
import { type Bus, type ConsumerSpec, PostgresBus, type PostgresBusOptions } from '@loomworks/bus'
import { NATS_STREAMS, STREAMS } from '@loomworks/contracts'
import { type EventStore, PostgresEventStore } from '@loomworks/event-store'
import type { Database } from '@loomworks/sql'

/** A NATS server and who speaks to it. */
export interface NatsAccess {
  /** `nats://…`, several by comma. */
  readonly servers: string
  /** The user this connection has rights as, and its inbox prefix. */
  readonly user: string
  /** Absent where the server asks for none. */
  readonly password?: string
  /** Makes streams and durables; else they are only compared. */
  readonly mayCreate: boolean
}

export interface Engines {
  /** `esdb://…` or `esdb+discover://…`; absent: Postgres. */
  readonly eventStoreUrl?: string
  /** Absent: Postgres. */
  readonly nats?: NatsAccess
}

interface Opening {
  /** A pool for an adapter on Postgres. */
  readonly open: (name: string) => Database
  readonly onTrouble: (error: unknown) => void
}

export async function openEventStore({ eventStoreUrl }: Engines, { open, onTrouble }: Opening): Promise<EventStore> {
  if (eventStoreUrl === undefined) return new PostgresEventStore({ db: open('event-store'), onTrouble })
  const { EventStoreDbEventStore } = await import('@loomworks/event-store/eventstoredb')
  return new EventStoreDbEventStore({ url: eventStoreUrl, onTrouble })
}

type OnFailure = NonNullable<PostgresBusOptions['onFailure']>

export async function openBus({ nats }: Engines, { open, onTrouble, onFailure }: Opening & { readonly onFailure: OnFailure }): Promise<Bus> {
  if (nats === undefined) return new PostgresBus({ db: open('bus'), onTrouble, onFailure })
  const { NatsBus } = await import('@loomworks/bus/nats')
  const { user, ...rest } = nats
  return new NatsBus({ ...rest, name: user, ...(rest.password !== undefined && { user }), onTrouble, onFailure })
}

/** Makes or compares the streams of the deployment and the durables named here. */
export async function ensureBus(bus: Bus, { nats }: Engines, consumers: readonly ConsumerSpec[]): Promise<void> {
  await bus.ensure({ streams: nats === undefined ? STREAMS : NATS_STREAMS, consumers })
}
