// The configuration of a nats-server that this bus runs on, as text. Every service is a user of its own that may say what is its own
// to say and read from its own durables; streams and durables are made by `migrate` alone.
import type { ConsumerSpec, StreamName } from './port.ts'

export interface NatsUser {
  readonly name: string
  /** Text, or `$NAME` for a variable of the server's environment. */
  readonly password: string
  readonly rights: NatsRights
}

export interface NatsRights {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

export interface ServiceRights {
  /** Subjects it may publish messages on, as filters. */
  readonly says: readonly string[]
  /** The durables it reads from. */
  readonly reads: readonly ConsumerSpec[]
  /** Filters it listens to from now on, by the stream they are kept in. */
  readonly tails?: Readonly<Partial<Record<StreamName, readonly string[]>>>
  /** Streams it may look into without a durable. */
  readonly browses?: readonly StreamName[]
}

/** Servers write acknowledgement subjects in one of two forms; the newer names domain and account first and may end in a random token.
 *  All tokens are counted out: behind a `>` the one form could be read as the other, of a durable that belongs to somebody else, and
 *  `+NXT` on such a subject takes its next message. */
const ACKNOWLEDGEMENTS = [
  (consumer: string) => `$JS.ACK.${consumer}.*.*.*.*.*`,
  (consumer: string) => `$JS.ACK.*.*.${consumer}.*.*.*.*.*`,
  (consumer: string) => `$JS.ACK.*.*.${consumer}.*.*.*.*.*.*`,
]

/** What a service may do, and nothing else. */
export function rightsOf(name: string, { says, reads, tails = {}, browses = [] }: ServiceRights): NatsRights {
  const looksInto = new Set([...Object.keys(tails), ...browses])
  return {
    publish: [
      ...says,
      '$JS.API.STREAM.INFO.*',
      ...reads.flatMap(({ stream, durable }) => [
        `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
        ...ACKNOWLEDGEMENTS.map((form) => form(`${stream}.${durable}`)),
      ]),
      ...[...looksInto].map((stream) => `$JS.API.DIRECT.GET.${stream}`),
    ],
    subscribe: [`_INBOX.${name}.>`, ...Object.values(tails).flat()],
  }
}

/** Makes streams and durables, and reads what it made. */
export function migrateRights(name: string): NatsRights {
  return { publish: ['$JS.API.>'], subscribe: [`_INBOX.${name}.>`] }
}

export interface NatsServerOptions {
  readonly users: readonly NatsUser[]
  readonly storeDir: string
  readonly port?: number
  /** Address to listen on; without it, all of them. */
  readonly host?: string
  /** What the streams may take up together: a server that promises less than their sum refuses to make them. */
  readonly maxStoreBytes?: number
}

const PORT = 4222
const MAX_STORE_BYTES = 48 * 1_073_741_824

/** Every write is on the disk before it is acknowledged (`sync_interval: always`): the server's own default is two minutes. */
export function natsServerConfig({ users, storeDir, port = PORT, host, maxStoreBytes = MAX_STORE_BYTES }: NatsServerOptions): string {
  const listen = host === undefined ? `port: ${port}` : `listen: ${JSON.stringify(`${host}:${port}`)}`
  return `${listen}

jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  sync_interval: always
  max_file_store: ${maxStoreBytes}
}

authorization {
  users = [
${users.map(userBlock).join('\n')}
  ]
}
`
}

function userBlock({ name, password, rights: { publish, subscribe } }: NatsUser): string {
  return `    {
      user: ${JSON.stringify(name)}
      password: ${/^\$[A-Z_]+$/.test(password) ? password : JSON.stringify(password)}
      permissions {
        publish { allow: ${listOf(publish)} }
        subscribe { allow: ${listOf(subscribe)} }
      }
    }`
}

function listOf(subjects: readonly string[]): string {
  return `[\n${subjects.map((subject) => `          ${JSON.stringify(subject)}`).join('\n')}\n        ]`
}
