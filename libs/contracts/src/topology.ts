// The streams of the bus and what subjects they hold (saga page §6). Consumers are named by the services themselves.
import type { ServiceName } from '@loomworks/kernel'

const DAY_MS = 86_400_000
const MIB = 1_048_576
const DUPLICATE_WINDOW_MS = 120_000
const MAX_MESSAGE_BYTES = 65_536

const stream = (name: 'SAGA_CMD' | 'SAGA_REP' | 'EVENTS' | 'DLQ', subject: string, days: number) => ({
  name,
  subjects: [subject],
  maxAgeMs: days * DAY_MS,
  maxBytes: 512 * MIB,
  maxMessageBytes: MAX_MESSAGE_BYTES,
  duplicateWindowMs: DUPLICATE_WINDOW_MS,
})

export const STREAMS = [
  stream('SAGA_CMD', 'saga.cmd.>', 7),
  stream('SAGA_REP', 'saga.rep.>', 7),
  stream('EVENTS', 'evt.>', 30),
  stream('DLQ', 'dlq.>', 90),
] as const

/** The same on NATS, where a stream has a cluster's disks behind it and not a person's. */
export const NATS_STREAMS = STREAMS.map((each) => ({ ...each, maxBytes: 8 * 1024 * MIB }))

/** The event streams a service may write and read, by prefix (architecture §6). Names of streams hold ids alone. */
export const STREAM_PREFIXES: Readonly<Partial<Record<ServiceName, readonly string[]>>> = {
  identity: ['person-', 'saga-signup-', 'saga-claim-', 'saga-adopt-'],
  memory: ['engagement-'],
}

/** The subjects a service may publish on, as filters (saga page §6). Commands come from the host of the sagas alone; any other service
 *  may ask it for a saga, under its own name. */
export function subjectsOf(service: ServiceName): readonly string[] {
  const commands = service === 'identity' ? 'saga.cmd.>' : `saga.cmd.identity.*.start-${service}.do`
  return [commands, 'saga.rep.>', `evt.${service}.>`, `dlq.${service}.>`]
}
