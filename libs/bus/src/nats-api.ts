// The part of JetStream's API that the adapter uses. Its answers are read as they came: a server drops options it does not know
// without a word, so nothing is taken for granted that was not read back.
import { Terminal, Transient } from '@loomworks/kernel'
import { z } from 'zod'
import { covers } from './nats-filters.ts'
import { lookedUpOf } from './nats-message.ts'
import type { Link } from './nats-wire.ts'
import type { Stored, StreamName } from './port.ts'

const ANSWER_MS = 5000
const STREAM_NAMES: readonly StreamName[] = ['SAGA_CMD', 'SAGA_REP', 'EVENTS', 'DLQ']

const Config = z.record(z.string(), z.json())
export type Config = z.output<typeof Config>

const Failed = z.object({ code: z.int(), err_code: z.int().optional(), description: z.string().default('') })
const Answer = z.looseObject({ error: Failed.optional() })
const StreamAnswer = z.object({ config: Config, created: z.string(), state: z.object({ last_seq: z.int() }) })
const ConsumerAnswer = z.object({ config: Config, num_pending: z.int(), num_ack_pending: z.int() })
const Receipt = z.object({ seq: z.int(), duplicate: z.boolean().default(false) })

export type StreamInfo = z.output<typeof StreamAnswer>
export type ConsumerInfo = z.output<typeof ConsumerAnswer>

const NOT_FOUND = 404
const SERVER_TROUBLE = 500
const CONSUMER_EXISTS = 10_148
const MESSAGE_TOO_LARGE = 10_054
const NO_ROOM = 10_047

export class JetStream {
  readonly #link: Link
  #subjects: Promise<readonly string[]> | undefined

  constructor(link: Link) {
    this.#link = link
  }

  /** Undefined where there is none. */
  async stream(name: StreamName, timeoutMs: number = ANSWER_MS): Promise<StreamInfo | undefined> {
    const answer = await this.#asked(`STREAM.INFO.${name}`, '', timeoutMs)
    return answer === undefined ? undefined : StreamAnswer.parse(answer)
  }

  async makeStream(name: StreamName, config: Config): Promise<void> {
    await this.#asked(`STREAM.CREATE.${name}`, JSON.stringify(config))
  }

  async consumer(stream: StreamName, durable: string): Promise<ConsumerInfo | undefined> {
    const answer = await this.#asked(`CONSUMER.INFO.${stream}.${durable}`)
    return answer === undefined ? undefined : ConsumerAnswer.parse(answer)
  }

  /** Somebody else may make it at the same moment: that is no failure, look again. Undefined without its stream. */
  async putConsumer(stream: StreamName, config: Config, action: 'create' | 'update'): Promise<unknown> {
    const request = JSON.stringify({ stream_name: stream, config, action })
    return this.#asked(`CONSUMER.CREATE.${stream}.${String(config.durable_name)}`, request)
  }

  /** The first message from a place on that the filter takes. */
  async next(stream: StreamName, filter: string, seq: bigint): Promise<Stored | undefined> {
    const wire = await this.#link.up(AbortSignal.timeout(ANSWER_MS))
    const message = await wire.request(`$JS.API.DIRECT.GET.${stream}`, `{"seq":${seq},"next_by_subj":${JSON.stringify(filter)}}`, { timeoutMs: ANSWER_MS })
    if (message.code === NOT_FOUND) return undefined
    if (message.code > 0) throw new Transient(`the bus could not look into ${stream}: ${message.description}`)
    return lookedUpOf(message, stream)
  }

  /** Is there a stream for the subject? Those who ask at the same moment share one look. */
  async takes(subject: string): Promise<boolean> {
    this.#subjects ??= this.#allSubjects().finally(() => {
      this.#subjects = undefined
    })
    return (await this.#subjects).some((filter) => covers(filter, subject))
  }

  async #allSubjects(): Promise<readonly string[]> {
    const streams = await Promise.all(STREAM_NAMES.map((name) => this.stream(name)))
    return streams.flatMap((stream) => z.array(z.string()).parse(stream?.config.subjects ?? []))
  }

  /** Undefined for what is not there. */
  async #asked(what: string, body: string = '', timeoutMs: number = ANSWER_MS): Promise<object | undefined> {
    const wire = await this.#link.up(AbortSignal.timeout(timeoutMs))
    const { data } = await wire.request(`$JS.API.${what}`, body, { timeoutMs })
    const answer = Answer.parse(JSON.parse(data))
    const { error } = answer
    if (error === undefined || error.err_code === CONSUMER_EXISTS) return answer
    if (error.code === NOT_FOUND) return undefined
    throw refusal(error)
  }
}

/** The acknowledgement of a publish. */
export function receiptOf(data: string): { seq: bigint; duplicate: boolean } {
  const answer = Answer.parse(JSON.parse(data))
  if (answer.error !== undefined) throw refusal(answer.error)
  const { seq, duplicate } = Receipt.parse(answer)
  return { seq: BigInt(seq), duplicate }
}

function refusal({ code, err_code, description }: z.output<typeof Failed>): Error {
  if (err_code === MESSAGE_TOO_LARGE) return new Terminal('bus.message_too_large', description)
  if (err_code === NO_ROOM)
    return new Terminal(
      'bus.no_room',
      `The bus promises its streams less than they may come to hold (${description}): give nats-server a larger jetstream.max_file_store.`,
    )
  return code >= SERVER_TROUBLE ? new Transient(`the bus says: ${description}`) : new Terminal('bus.refused', `the bus says: ${description}`)
}
