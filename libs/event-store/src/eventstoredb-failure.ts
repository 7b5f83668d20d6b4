// What an error of the driver means. The client gives some of them a type, some a code alone, and some neither but a sentence.
import { Terminal } from '@loomworks/kernel'

/** The own timer ran out: whether the server did what was asked is unknown. */
export class Expired extends Error {
  override readonly name = 'Expired'
}

/** The client was replaced under a call. */
export class Replaced extends Error {
  override readonly name = 'Replaced'
}

/** `again`: ask again, the client is sound. `anew`: ask again, of a new client. `never`: asking again cannot help. */
type Remedy = 'again' | 'anew' | 'never'

const ACCESS = new Terminal('event_store.stream_refused', 'the event store does not let this service use that stream')
const GONE = new Terminal('event_store.stream_deleted', 'the stream was deleted for ever')
const INVALID = new Terminal('event_store.invalid_append', 'the event store refused the append as malformed')

const NEVER: Readonly<Record<string, Terminal>> = {
  'access-denied': ACCESS,
  'stream-deleted': GONE,
  'maximum-append-size-exceeded': INVALID,
  'missing-required-metadata-property': INVALID,
  'invalid-argument': INVALID,
}
// Answers that are no trouble of the store; who asked knows what they mean.
const ANSWERS = new Set(['wrong-expected-version', 'stream-not-found'])
// The connection is in doubt, or the client has closed its channel by itself: while an older stream of appends lives on beside a
// new one, an error of either rejects what waits in the other.
const ANEW = new Set(['unavailable', 'cancelled', 'not-leader'])
const NO_CODE = -1
const CANCELLED = 1
const INTERNAL = 13
const UNAVAILABLE = 14

export interface Failure {
  readonly remedy: Remedy
  /** Who leads instead, where the server said so. */
  readonly leader?: { readonly address: string; readonly port: number }
  /** What a caller is told, where asking again cannot help. */
  readonly terminal?: Terminal
}

export function failureOf(error: unknown): Failure {
  if (error instanceof Terminal) return { remedy: 'never', terminal: error }
  // Inside the client a TypeError says that its book-keeping is wrong; it answers nothing any more.
  if (error instanceof Expired || error instanceof TypeError) return { remedy: 'anew' }
  const { type, code, message, leader } = said(error)
  const terminal = NEVER[type]
  if (terminal !== undefined) return { remedy: 'never', terminal: new Terminal(terminal.code, terminal.message, { cause: error }) }
  if (ANSWERS.has(type)) return { remedy: 'never' }
  // The server answers a malformed append a second time, which would end the process: the client must be gone by then.
  if (message.includes('BadRequest')) return { remedy: 'anew', terminal: new Terminal(INVALID.code, INVALID.message, { cause: error }) }
  // A code without a type comes from the question that a client asks first, whose failure it remembers for ever.
  const unasked = type === '' && code !== NO_CODE
  const doubtful = unasked || ANEW.has(type) || code === CANCELLED || code === INTERNAL || code === UNAVAILABLE
  return { remedy: doubtful ? 'anew' : 'again', ...(leader && { leader }) }
}

export function isType(error: unknown, type: string): boolean {
  return said(error).type === type
}

interface Said {
  readonly type: string
  readonly code: number
  readonly message: string
  readonly leader?: { readonly address: string; readonly port: number }
}

function said(error: unknown): Said {
  if (!(error instanceof Error)) return { type: '', code: NO_CODE, message: String(error) }
  const { type, code, leader } = error as Error & Partial<Said>
  return { type: typeof type === 'string' ? type : '', code: typeof code === 'number' ? code : NO_CODE, message: error.message, ...(leader && { leader }) }
}
