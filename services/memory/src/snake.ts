/** JSON as it goes out over HTTP: keys in snake_case, all the way down. Texts a person keyed themselves keep their keys. */
export function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      OPAQUE.has(key) ? member : snakeCased(member),
    ]),
  )
}

const OPAQUE: ReadonlySet<string> = new Set(['additionalAssertions'])
