// Canonical JSON (RFC 8785, JCS): one value has one text, so a hash over it can be recomputed anywhere.
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }
export type JsonObject = { readonly [key: string]: Json | undefined }

/** Text that JSON writes as it is: printable ASCII without quote and backslash. Nearly every id, time and key is of that kind. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
/** Objects with more members than this are left to the engine's sort. */
const FEW_KEYS = 24

/** The canonical text of a JSON value. Members that are `undefined` are left out; a number that is not finite and a lone
 *  surrogate have no canonical form and throw. Source: RFC 8785 (number and string forms are those of ECMAScript). Every hash
 *  chain and every commitment waits for this function, so it builds one text and no lists. */
export function canonicalJson(value: Json | undefined): string {
  if (typeof value === 'string') return canonicalString(value)
  if (value === null) return 'null'
  if (typeof value === 'object') return Array.isArray(value) ? canonicalList(value) : canonicalObject(value as JsonObject)
  if (typeof value === 'number') return canonicalNumber(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  throw new TypeError(`no canonical JSON of ${typeof value}`)
}

function canonicalList(list: readonly Json[]): string {
  let text = ''
  for (let index = 0; index < list.length; index++) text += index === 0 ? canonicalJson(list[index]) : `,${canonicalJson(list[index])}`
  return `[${text}]`
}

function canonicalObject(value: JsonObject): string {
  let text = ''
  for (const key of sorted(Object.keys(value))) {
    const member = value[key]
    if (member === undefined) continue
    const written = `${canonicalString(key)}:${canonicalJson(member)}`
    text = text === '' ? written : `${text},${written}`
  }
  return `{${text}}`
}

/** Sorts in place by UTF-16 code units, as `<` compares. Inserting is the fastest for the few keys that most objects have. */
function sorted(keys: string[]): readonly string[] {
  if (keys.length > FEW_KEYS) return keys.sort()
  for (let next = 1; next < keys.length; next++) {
    const key = keys[next] ?? ''
    let at = next
    for (let before = keys[at - 1]; before !== undefined && before > key; before = keys[at - 1]) keys[at--] = before
    keys[at] = key
  }
  return keys
}

/** The shortest text of a double is what ECMAScript writes; minus zero is `0`. */
function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('no canonical JSON of a number that is not finite')
  return String(value)
}

function canonicalString(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`
  if (!value.isWellFormed()) throw new TypeError('no canonical JSON of a lone surrogate')
  return JSON.stringify(value)
}
