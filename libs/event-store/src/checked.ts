// What the port refuses before anything is sent, the same on every adapter: what is refused here would end a process, report a
// false success or be taken half by one store or another (architecture §6).
import { Terminal } from '@loomworks/kernel'
import { type Expected, MAX_APPEND_BYTES, type NewEvent } from './port.ts'

/** An event that may be sent: its id in lower case, its body as the JSON text that was measured. */
export interface CheckedEvent {
  readonly id: string
  readonly type: string
  readonly body: string
}

/** The events of an append as they are sent. Throws Terminal `event_store.invalid_append` where the port refuses them. */
export function checkedAppend(stream: string, events: readonly NewEvent[], expected: Expected): readonly CheckedEvent[] {
  if (!isName(stream)) throw invalid('a stream has a name without control characters')
  if (typeof expected === 'bigint' && (expected < 0n || expected > LAST_REVISION)) throw invalid('an expected revision counts from 0')
  if (events.length === 0) throw invalid('an append holds at least one event')
  const checked = events.map(checkedEvent)
  if (checked.length > 1 && new Set(checked.map(({ id }) => id)).size < checked.length) throw invalid('an id stands twice in one append')
  let characters = 0
  for (const { type, body } of checked) characters += type.length + body.length
  // A character is three bytes at most, so that mostly nothing need be counted.
  if (characters > MAX_APPEND_BYTES / 3) expectSize(checked)
  return checked
}

function expectSize(events: readonly CheckedEvent[]): void {
  const bytes = events.reduce((sum, { type, body }) => sum + Buffer.byteLength(type) + Buffer.byteLength(body), 0)
  if (bytes > MAX_APPEND_BYTES) throw invalid(`an append holds ${MAX_APPEND_BYTES} bytes at most, this one ${bytes}`)
}

function checkedEvent({ id, type, body }: NewEvent): CheckedEvent {
  if (!isUuid(id)) throw invalid('the id of an event is a UUID')
  if (!isName(type)) throw invalid('an event has a type without control characters')
  return { id: id.toLowerCase(), type, body: JSON.stringify(body) }
}

/** Far below the revision that a tombstone carries (2^63 - 1). */
const LAST_REVISION = 2n ** 62n
const UUID_LENGTH = 36

// Every append passes here, mostly after a pause: what runs rarely is slow, and expressions are slower than a loop.

/** Hexadecimal digits with four dashes among them, in either case. */
function isUuid(text: string): boolean {
  if (text.length !== UUID_LENGTH) return false
  for (let index = 0; index < UUID_LENGTH; index++) {
    const code = text.charCodeAt(index)
    const dash = index === 8 || index === 13 || index === 18 || index === 23
    if (dash ? code !== 0x2d : !isHex(code)) return false
  }
  return true
}

function isHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46)
}

/** Text that is not empty and holds no control character, which are those that Unicode counts as Cc, and no half of a pair. */
function isName(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return false
  }
  return text !== '' && text.isWellFormed()
}

function invalid(says: string): Terminal {
  return new Terminal('event_store.invalid_append', says)
}
