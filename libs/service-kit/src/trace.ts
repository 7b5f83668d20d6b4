// W3C Trace Context (level 1): the trace id stays, every hop has a span id of its own.
import { randomUUID } from 'node:crypto'

const SHAPE = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/

/** The traceparent of a new span: of the given trace where it is well-formed, else of a new one, whose first span needs no luck of its own. */
export function childTrace(parent?: string): string {
  const known = parent === undefined ? null : SHAPE.exec(parent)
  const random = randomUUID()
  return `00-${known?.[1] ?? random.replaceAll('-', '')}-${spanId(random)}-${known?.[2] ?? '01'}`
}

/** 64 of the 122 random bits of a UUID, which Node keeps in stock. */
function spanId(random: string): string {
  return random.slice(0, 8) + random.slice(28)
}
