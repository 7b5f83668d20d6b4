// What the bus brings becomes records: no timer, while a batch commits the next one gathers, and a message is acknowledged only when
// its record is stored. Audit down blocks nobody; the bus holds the backlog.
import { type ConsumerSpec, type Consumption, type Delivery, holding, LANES, type Verdict } from '@loomworks/bus'
import { eventTypeOf, parseEventData } from '@loomworks/contracts'
import { draftOf } from '@loomworks/foray'
import { ServiceName, Terminal, timeOf } from '@loomworks/kernel'
import { parsedEvent, type Worker } from '@loomworks/service-kit'
import type { AuditParts } from '../parts.ts'
import { type Arriving, storeRecords } from './store.ts'

const PENDING = 64
const ACK_WAIT_MS = 5000
const BATCH = 512
const STOP_WITHIN_MS = 5000
/** Audit's own facts are recorded in the transaction of the act, never over the bus. */
const SOURCES = ServiceName.exclude(['audit']).options

/** Eight lanes over everything the other services publish. Order within an entity is checked by revision, so 64 may be under way. */
export const intakeConsumers: readonly ConsumerSpec[] = Array.from({ length: LANES }, (_, lane) => ({
  stream: 'EVENTS',
  durable: `audit-intake-${lane}`,
  filters: SOURCES.map((service) => `evt.${service}.${lane}.*.*`),
  maxPending: PENDING,
  ackWaitMs: ACK_WAIT_MS,
  service: 'audit',
}))

interface Waiting {
  readonly arriving: Arriving
  readonly stored: () => void
  readonly failed: (error: unknown) => void
}

class Intake {
  readonly #parts: Pick<AuditParts, 'bus' | 'db' | 'clock' | 'sequencer' | 'entityHash'>
  #waiting: Waiting[] = []
  #storing: Promise<void> | undefined

  constructor(parts: Pick<AuditParts, 'bus' | 'db' | 'clock' | 'sequencer' | 'entityHash'>) {
    this.#parts = parts
  }

  consume(): readonly Consumption[] {
    return intakeConsumers.map((spec) => this.#parts.bus.consume(spec, (delivery) => this.#taken(delivery)))
  }

  async #taken(delivery: Delivery): Promise<Verdict> {
    const arriving = this.#arriving(delivery)
    if (arriving !== undefined) await holding(delivery, () => this.#store(arriving))
    return 'ack'
  }

  /** The record of a delivery; undefined where the contracts say that there is none. Terminal for what is no event of ours. */
  #arriving({ subject, headers, id, data }: Delivery): Arriving | undefined {
    const service = ServiceName.parse(subject.split('.')[1])
    const event = parsedEvent({ data })
    const type = eventTypeOf(event.type)
    if (type === undefined) throw new Terminal('unknown_version', `${event.type} is in no contract of this version`)
    if (type.service !== service) throw new Terminal('schema', `${event.type} is not ${service}'s to publish`)
    const messageId = headers['message-id'] ?? id
    const draft = draftOf({ event, data: parseEventData(type, event.v, event.data), messageId, service, recordedAt: timeOf(this.#parts.clock.now()) })
    if (draft === undefined) return undefined
    return { draft, messageId, entityHash: this.#parts.entityHash(service, event.entity), revision: event.revision, prevRevision: event.prevRevision }
  }

  #store(arriving: Arriving): Promise<void> {
    return new Promise((stored, failed) => {
      this.#waiting.push({ arriving, stored, failed })
      this.#storing ??= this.#storeAll().finally(() => {
        this.#storing = undefined
      })
    })
  }

  async #storeAll(): Promise<void> {
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH)
      try {
        const priorities = await this.#parts.db.transaction((tx) =>
          storeRecords(
            tx,
            batch.map(({ arriving }) => arriving),
          ),
        )
        for (const { stored } of batch) stored()
        this.#parts.sequencer.arrived(priorities)
      } catch (error) {
        for (const { failed } of batch) failed(error)
      }
    }
  }
}

export function intakeWorker(parts: AuditParts): Worker {
  return {
    name: 'intake',
    async run(signal) {
      const consumptions = new Intake(parts).consume()
      await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }))
      await Promise.all(consumptions.map((consumption) => consumption.stop(STOP_WITHIN_MS)))
    },
  }
}
