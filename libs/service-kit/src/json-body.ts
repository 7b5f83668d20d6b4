// JSON as it comes from outside. What no schema would say clearly is refused here: depth that serves only to exhaust a stack,
// and text that is no Unicode (a lone surrogate has no UTF-8 form and would be stored as something else).
import type { Refusal } from '@loomworks/kernel'
import { shared } from './shared-refusals.ts'

const MAX_DEPTH = 32

/** Parses a JSON text. 400 `malformed_request` when it is none or names `__proto__`; 422 `invalid_body` for depth > 32 or bad Unicode. */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw shared.malformed_request()
  }
  const fault = faultOf(value, '', 0)
  if (fault !== undefined) throw fault
  return value
}

function faultOf(value: unknown, pointer: string, depth: number): Refusal | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : bad(pointer, 'text is not well-formed Unicode')
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : bad(pointer, 'number out of range')
  if (typeof value !== 'object' || value === null) return undefined
  if (depth >= MAX_DEPTH) return bad(pointer, `nested deeper than ${MAX_DEPTH}`)
  return Array.isArray(value) ? faultOfList(value, pointer, depth) : faultOfObject(value, pointer, depth)
}

function faultOfList(list: readonly unknown[], pointer: string, depth: number): Refusal | undefined {
  for (const [index, item] of list.entries()) {
    const fault = faultOf(item, `${pointer}/${index}`, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultOfObject(value: object, pointer: string, depth: number): Refusal | undefined {
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') return shared.malformed_request()
    if (!key.isWellFormed()) return bad(pointer, 'a key is not well-formed Unicode')
    const fault = faultOf(member, `${pointer}/${key.slice(0, 64)}`, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

function bad(pointer: string, message: string): Refusal {
  return shared.invalid_body({ errors: [{ pointer, code: 'custom', message }] })
}
