// The rule of names (identity page §2): NFC, trimmed, a bounded number of code points, no control or bidirectional override.
import { shared } from '@loomworks/service-kit'
import { z } from 'zod'

const REFUSED = /[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069\u200E\u200F]/u

/** Text of a name as it is kept, or undefined when it breaks the rule. Length is counted in code points. */
export function nameOf(text: string, mostCodePoints: number): string | undefined {
  const name = text.normalize('NFC').trim()
  const length = [...name].length
  return length >= 1 && length <= mostCodePoints && !REFUSED.test(name) ? name : undefined
}

const COMPANION_NAME_MAX = 50
const DISPLAY_NAME_MAX = 80
/** Longest text looked at before the rule counts code points. */
const TEXT_MAX = 400

export const DisplayName = z
  .string()
  .max(TEXT_MAX)
  .transform((text, context) => {
    const name = nameOf(text, DISPLAY_NAME_MAX)
    if (name === undefined) context.addIssue({ code: 'custom', message: 'a name has 1 to 80 visible characters' })
    return name ?? z.NEVER
  })

/** What a passkey is called: 1 to 50 code points under the same rule. */
export const CredentialName = z
  .string()
  .max(TEXT_MAX)
  .transform((text, context) => {
    const name = nameOf(text, COMPANION_NAME_MAX)
    if (name === undefined) context.addIssue({ code: 'custom', message: 'a name has 1 to 50 visible characters' })
    return name ?? z.NEVER
  })

const PURPOSE_MAX = 500

/** What an agent is for: 1 to 500 code points under the same rule. */
export const Purpose = z
  .string()
  .max(4 * PURPOSE_MAX)
  .transform((text, context) => {
    const purpose = nameOf(text, PURPOSE_MAX)
    if (purpose === undefined) context.addIssue({ code: 'custom', message: 'a purpose has 1 to 500 visible characters' })
    return purpose ?? z.NEVER
  })

/** A companion's name as it arrives: any text. The rule has a code of its own, so it is judged by `companionNameOf`. */
export const CompanionNameText = z.string()

/** The name as it is kept. Refuses `companion_name_invalid` where the text breaks the rule. */
export function companionNameOf(text: string): string {
  const name = nameOf(text, COMPANION_NAME_MAX)
  if (name === undefined) throw shared.companion_name_invalid()
  return name
}
