// Streams and durables: made by who may, then read back and compared. A server drops what it does not know and keeps what was there
// before, so only what it says afterwards counts.
import { isDeepStrictEqual } from 'node:util'
import { Terminal } from '@loomworks/kernel'
import { z } from 'zod'
import type { Config, JetStream } from './nats-api.ts'
import { covers, disjoint } from './nats-filters.ts'
import { HEADER_ROOM_BYTES } from './nats-message.ts'
import type { ConsumerSpec, StreamName, StreamSpec, Topology } from './port.ts'

const NANOS_PER_MS = 1_000_000
const MOST_WAITING_PULLS = 512
/** Two who widen the filters of one durable at the same moment undo each other's change and try again. */
const WIDENINGS = 5
const SERVICE = 'loomworks.service'

const Filters = z.object({ filter_subject: z.string().optional(), filter_subjects: z.array(z.string()).optional() })

export interface TopologyOptions {
  readonly mayCreate: boolean
  /** Copies of each stream in a cluster; without it they are one, and whatever there is will do. */
  readonly replicas?: number | undefined
}

export async function ensureTopology(api: JetStream, { streams, consumers }: Topology, options: TopologyOptions): Promise<void> {
  for (const stream of streams) await ensureStream(api, stream, options)
  for (const consumer of consumers) await ensureConsumer(api, consumer, options)
}

async function ensureStream(api: JetStream, spec: StreamSpec, { mayCreate, replicas }: TopologyOptions): Promise<void> {
  const wanted = { ...streamConfig(spec), ...(replicas !== undefined && { num_replicas: replicas }) }
  if ((await api.stream(spec.name)) === undefined && mayCreate) await api.makeStream(spec.name, wanted)
  const made = await api.stream(spec.name)
  if (made === undefined) throw missing(`stream ${spec.name}`)
  compare(spec.name, made.config, wanted)
}

function streamConfig({ name, subjects, maxAgeMs, maxBytes, maxMessageBytes, duplicateWindowMs }: StreamSpec): Config {
  return {
    name,
    subjects: [...subjects],
    retention: 'limits',
    storage: 'file',
    discard: 'old',
    max_msgs: -1,
    max_msgs_per_subject: -1,
    max_consumers: -1,
    max_age: maxAgeMs * NANOS_PER_MS,
    max_bytes: maxBytes,
    max_msg_size: maxMessageBytes + HEADER_ROOM_BYTES,
    duplicate_window: duplicateWindowMs * NANOS_PER_MS,
    allow_direct: true,
  }
}

async function ensureConsumer(api: JetStream, spec: ConsumerSpec, { mayCreate }: TopologyOptions): Promise<void> {
  const wanted = consumerConfig(spec)
  for (let round = 0; round < WIDENINGS; round++) {
    const made = await api.consumer(spec.stream, spec.durable)
    if (made === undefined && !mayCreate) throw missing(`durable ${spec.durable}`)
    if (made === undefined) {
      await notElsewhere(api, spec)
      if ((await api.putConsumer(spec.stream, { ...wanted, filter_subjects: [...disjoint(spec.filters)] }, 'create')) === undefined)
        throw missing(`stream ${spec.stream}`)
      continue
    }
    compare(spec.durable, made.config, wanted)
    const heard = filtersOf(made.config)
    if (spec.filters.every((filter) => heard.some((each) => covers(each, filter)))) return
    if (!mayCreate) throw mismatch(spec.durable, 'filters', heard, spec.filters)
    await api.putConsumer(spec.stream, { ...wanted, filter_subjects: [...disjoint([...heard, ...spec.filters])] }, 'update')
  }
  throw mismatch(spec.durable, 'filters', filtersOf((await api.consumer(spec.stream, spec.durable))?.config ?? {}), spec.filters)
}

function consumerConfig({ durable, maxPending, ackWaitMs, service }: ConsumerSpec): Config {
  return {
    durable_name: durable,
    deliver_policy: 'all',
    ack_policy: 'explicit',
    replay_policy: 'instant',
    ack_wait: ackWaitMs * NANOS_PER_MS,
    max_deliver: -1,
    max_ack_pending: maxPending,
    max_waiting: MOST_WAITING_PULLS,
    metadata: { [SERVICE]: service },
  }
}

/** Durables of different streams may bear one name on NATS; here a name is one durable. */
async function notElsewhere(api: JetStream, { stream, durable }: ConsumerSpec): Promise<void> {
  const others = (['SAGA_CMD', 'SAGA_REP', 'EVENTS', 'DLQ'] satisfies StreamName[]).filter((name) => name !== stream)
  for (const other of others) if ((await api.consumer(other, durable)) !== undefined) throw mismatch(durable, 'stream', other, stream)
}

function filtersOf(config: Config): readonly string[] {
  const { filter_subject, filter_subjects } = Filters.parse(config)
  return filter_subjects ?? (filter_subject === undefined ? ['>'] : [filter_subject])
}

function compare(name: string, made: Config, wanted: Config): void {
  for (const [key, value] of Object.entries(wanted)) if (!holds(made[key], value)) throw mismatch(name, key, made[key], value)
  // What pushes, or has a schedule of its own for what comes again, is another kind of consumer.
  for (const key of ['deliver_subject', 'backoff', 'republish', 'mirror', 'sources', 'sealed'])
    if (made[key] !== undefined && made[key] !== false && wanted[key] === undefined) throw mismatch(name, key, made[key], undefined)
}

/** A newer server puts remarks of its own into the metadata. */
function holds(made: unknown, wanted: unknown): boolean {
  const [held, asked] = [Remarks.safeParse(made), Remarks.safeParse(wanted)]
  if (!held.success || !asked.success) return isDeepStrictEqual(made, wanted)
  return Object.entries(asked.data).every(([key, value]) => held.data[key] === value)
}

const Remarks = z.record(z.string(), z.string())

function mismatch(name: string, key: string, made: unknown, wanted: unknown): Terminal {
  return new Terminal(
    'bus.config_mismatch',
    `The bus holds ${key} = ${JSON.stringify(made)} of ${name} where ${JSON.stringify(wanted)} was asked. Run \`loom migrate\`, change the setting back, or remove the old one.`,
  )
}

function missing(what: string): Terminal {
  return new Terminal('bus.config_mismatch', `The bus has no ${what}: run \`loom migrate\`, which makes it.`)
}
