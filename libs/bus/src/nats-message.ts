// Messages as NATS holds them: the id and what the server adds are headers that begin with `Nats-`, all others are the publisher's.
import { Terminal } from '@loomworks/kernel'
import type { WireMessage } from './nats-wire.ts'
import type { Outgoing, Stored, StreamName } from './port.ts'
import { MAX_MESSAGE_BYTES } from './port.ts'

const ID = 'Nats-Msg-Id'
/** A stream's limit counts headers too, so streams are made larger than their payloads by this. */
export const HEADER_ROOM_BYTES = 32_768
/** A dead letter quotes the headers of its message in one of its own, so a message has less room. */
const MOST_HEADER_BYTES = 8192
const SUBJECT = /^[^\s*>\p{Cc}]+$/u
const NANOS_PER_MS = 1_000_000

/** What a message carries beside its payload; Terminal for what may not be published at all. */
export function headersOf({ subject, id, headers = {}, data }: Outgoing): Readonly<Record<string, string>> {
  // A blank would end the subject and begin another word of the protocol; a wildcard is no place to publish to.
  if (!SUBJECT.test(subject)) throw new Terminal('unroutable', 'no stream takes this subject')
  if (Buffer.byteLength(data) > MAX_MESSAGE_BYTES) throw new Terminal('bus.message_too_large', `a message holds ${MAX_MESSAGE_BYTES} bytes at most`)
  const all = { ...headers, [ID]: id }
  const bytes = Object.entries(all).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value) + 4, 0)
  const most = subject.startsWith('dlq.') ? HEADER_ROOM_BYTES : MOST_HEADER_BYTES
  if (bytes > most) throw new Terminal('bus.message_too_large', `the headers of a message hold ${most} bytes at most`)
  return all
}

/** A message that was delivered, and where it stands. */
export interface Delivered extends Stored {
  readonly deliveries: number
  /** The subject by which it is acknowledged. */
  readonly ackSubject: string
}

/** Is it a message of a consumer, and not a word of the server? */
export function isDelivery({ reply }: WireMessage): boolean {
  return reply.startsWith('$JS.ACK.')
}

/** `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<nanoseconds>.<pending>[.<token>]` */
export function deliveredOf(message: WireMessage, stream: StreamName): Delivered {
  const tokens = message.reply.split('.')
  const [deliveries = '', seq = '', , nanos = ''] = tokens.slice(tokens.length === 9 ? 4 : 6)
  const at = new Date(Number(nanos) / NANOS_PER_MS).toISOString()
  return { ...storedOf(message, stream, { subject: message.subject, seq: BigInt(seq), at }), deliveries: Number(deliveries), ackSubject: message.reply }
}

/** A message as a direct look into its stream gives it. */
export function lookedUpOf(message: WireMessage, stream: StreamName): Stored {
  const { 'Nats-Subject': subject = '', 'Nats-Sequence': seq = '', 'Nats-Time-Stamp': at = '' } = message.headers
  return storedOf(message, stream, { subject, seq: BigInt(seq), at })
}

interface Place {
  readonly subject: string
  readonly seq: bigint
  readonly at: string
}

function storedOf({ headers, data }: WireMessage, stream: StreamName, { subject, seq, at }: Place): Stored {
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('Nats-'))
  return { id: headers[ID] ?? `${stream}/${seq}`, seq, subject, headers: Object.fromEntries(own), data, publishedAt: at }
}
