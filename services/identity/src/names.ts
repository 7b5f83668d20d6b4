// The rule of names (identity page §2): NFC, trimmed, a bounded number of code points, no control or bidirectional override.
import { z } from 'zod'

const REFUSED = /[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069\u200E\u200F]/u

/** Text of a name as it is kept, or undefined when it breaks the rule. Length is counted in code points. */
export function nameOf(text: string, mostCodePoints: number): string | undefined {
  const name = text.normalize('NFC').trim()
  const length = [...name].length
  return length >= 1 && length <= mostCodePoints && !REFUSED.test(name) ? name : undefined
}

export const COMPANION_NAME_MAX = 50
export const DISPLAY_NAME_MAX = 80

export const DisplayName = z
  .string()
  .max(400)
  .transform((text, context) => {
    const name = nameOf(text, DISPLAY_NAME_MAX)
    if (name === undefined) context.addIssue({ code: 'custom', message: 'a name has 1 to 80 visible characters' })
    return name ?? z.NEVER
  })
