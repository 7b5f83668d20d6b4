// Integration events as a service hears them: eight lanes, one message of a lane at a time, each handled in one transaction.
import { type Bus, type ConsumerSpec, type Consumption, type Delivery, holding, LANES } from '@loomworks/bus'
import { BusEvent, type EventType, parseEventData } from '@loomworks/contracts'
import type { ServiceName } from '@loomworks/kernel'
import { Terminal } from '@loomworks/kernel'
import type { Database, Tx } from '@loomworks/sql'
import type { z } from 'zod'

/** The event around the data a handler gets. */
export type Heard = Omit<BusEvent, 'data'> & { readonly messageId: string; readonly deliveries: number }

export interface EventHandler<Parts> {
  readonly event: EventType
  handle(tx: Tx, data: unknown, heard: Heard, parts: Parts): Promise<void>
}

/** What a service does on hearing an event. Runs in a transaction, is delivered again after any failure, so it must find out
 *  by itself what it has already done. */
export function on<Parts, S extends z.ZodType>(
  event: EventType<string, S>,
  handle: (tx: Tx, data: z.output<S>, heard: Heard, parts: Parts) => Promise<void>,
): EventHandler<Parts> {
  return { event: event as EventType, handle: (tx, data, heard, parts) => handle(tx, data as z.output<S>, heard, parts) }
}

export interface ConsumeOptions<Parts> {
  readonly service: ServiceName
  readonly bus: Bus
  readonly db: Database
  readonly handlers: readonly EventHandler<Parts>[]
  readonly parts: Parts
}

const ACK_WAIT_MS = 5000

/** The eight durables of a reader, one per lane, that hear exactly these events. */
export function laneConsumers(service: string, events: readonly EventType[], maxPending = 1): readonly ConsumerSpec[] {
  return Array.from({ length: LANES }, (_, lane) => ({
    stream: 'EVENTS',
    durable: `${service}-lane-${lane}`,
    filters: events.map((event) => `evt.${event.service}.${lane}.*.${event.name}`),
    maxPending,
    ackWaitMs: ACK_WAIT_MS,
    service,
  }))
}

export function consumeEvents<Parts>({ service, bus, db, handlers, parts }: ConsumeOptions<Parts>): readonly Consumption[] {
  const byType = new Map(handlers.map((handler) => [handler.event.name, handler]))
  return laneConsumers(
    service,
    handlers.map((handler) => handler.event),
  ).map((spec) =>
    bus.consume(spec, async (delivery) => {
      const handler = byType.get(typeOfSubject(delivery.subject))
      if (handler !== undefined) await holding(delivery, () => handled(handler, delivery, db, parts))
      return 'ack'
    }),
  )
}

async function handled<Parts>(handler: EventHandler<Parts>, delivery: Delivery, db: Database, parts: Parts): Promise<void> {
  const event = parsedEvent(delivery)
  const data = parseEventData(handler.event, event.v, event.data)
  const { data: _data, ...around } = event
  await db.transaction((tx) =>
    handler.handle(tx, data, { ...around, messageId: delivery.headers['message-id'] ?? delivery.id, deliveries: delivery.deliveries }, parts),
  )
}

/** The event of a delivery. Terminal `schema` when it is none: such a message is dead, a retry cannot mend it. */
export function parsedEvent(delivery: { readonly data: string }): BusEvent {
  const parsed = BusEvent.safeParse(jsonOf(delivery.data))
  if (!parsed.success) throw new Terminal('schema', 'not an integration event', { cause: parsed.error })
  return parsed.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `evt.<service>.<lane>.<entity>.<Type>` → Type. */
export function typeOfSubject(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1)
}
