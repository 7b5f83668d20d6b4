// Canonical JSON (RFC 8785, JCS): one value has one text, so a hash over it can be recomputed anywhere.
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }
export type JsonObject = { readonly [key: string]: Json | undefined }

/** The canonical text of a JSON value. Members that are `undefined` are left out; a number that is not finite and a lone
 *  surrogate have no canonical form and throw. Source: RFC 8785 (number and string forms are those of ECMAScript). */
export function canonicalJson(value: Json | undefined): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return canonicalString(value)
  if (typeof value === 'number') return canonicalNumber(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(',')}]`
  if (typeof value === 'object') return canonicalObject(value as JsonObject)
  throw new TypeError(`no canonical JSON of ${typeof value}`)
}

function canonicalObject(value: JsonObject): string {
  let text = ''
  for (const key of Object.keys(value).sort()) {
    const member = value[key]
    if (member !== undefined) text += `${text === '' ? '' : ','}${canonicalString(key)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('no canonical JSON of a number that is not finite')
  return JSON.stringify(value)
}

function canonicalString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('no canonical JSON of a lone surrogate')
  return JSON.stringify(value)
}
