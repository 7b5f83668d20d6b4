// W3C Trace Context (level 1): the trace id stays, every hop has a span id of its own.
import { randomBytes } from 'node:crypto'

const SHAPE = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/

/** The traceparent of a new span: of the given trace where it is well-formed, else of a new one. */
export function childTrace(parent?: string): string {
  const known = parent === undefined ? null : SHAPE.exec(parent)
  return `00-${known?.[1] ?? randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${known?.[2] ?? '01'}`
}
