// Fields that many messages share. No free text: a name, an address or a token has no place in a message.
import { z } from 'zod'

const ZONES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('timeZone'))

/** SHA-256 or HMAC as 43 base64url characters. */
export const Hash32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
/** SHA-256 or HMAC as 64 hex digits. */
export const HexHash = z.string().regex(/^[0-9a-f]{64}$/)
/** An amount in minor units, as decimal text: JSON numbers end at 2^53. */
export const Amount = z.string().regex(/^(?:0|[1-9][0-9]{0,18})$/)
/** RFC 3339 UTC. */
export const At = z.iso.datetime()
/** The name of a time zone. */
export const ZoneName = z
  .string()
  .regex(/^[A-Za-z]+(?:\/[A-Za-z0-9_+-]+){0,2}$/)
  .refine(isZone, { message: 'is a time zone of the IANA list' })
/** A word that code chose, not a person. */
export const ClosedWord = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/)
/** The key of a setting: words with dots between. */
export const SettingKey = z
  .string()
  .regex(/^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+){1,5}$/)
  .max(100)
const SettingText = z.string().regex(/^[\x20-\x7e]{0,500}$/)
const SettingScalar = z.union([z.boolean(), z.int(), SettingText])
const SettingList = z.array(SettingScalar).max(50)
/** What a setting can be: plain letters only, so that no name comes in, and no float. */
export const SettingValue = z.union([SettingScalar, SettingList, z.record(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/), z.union([SettingScalar, SettingList]))])
export type SettingValue = z.output<typeof SettingValue>
/** The name under which a secret is kept, unique in its scope. */
export const SecretName = z.string().regex(/^[a-z][a-z0-9_.-]{0,99}$/)
/** A column that a fixup mended. */
export const FixupField = z.string().regex(/^[a-z][a-z_.]{0,63}$/)

/** Older names of zones are not among those that are listed, and asking for one takes a while. */
function isZone(name: string): boolean {
  try {
    return ZONES.has(name) || new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
