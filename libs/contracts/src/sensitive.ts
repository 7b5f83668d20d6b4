// Fields that no tool shows in clear: hashes of tokens and addresses, by which somebody could be recognised. The mark is not part of
// the published schema, so it may be set on what is published already.
import { z } from 'zod'

const marked = z.registry<{ readonly sensitive: true }>()

/** The same schema, marked: a tool shows what it holds as a keyed digest. */
export function sensitive<S extends z.ZodType>(schema: S): S {
  const own = schema.clone() as S
  marked.add(own, { sensitive: true })
  return own
}

export function isSensitive(schema: z.ZodType): boolean {
  return schema instanceof z.ZodOptional ? isSensitive(schema.unwrap() as z.ZodType) : marked.has(schema)
}
