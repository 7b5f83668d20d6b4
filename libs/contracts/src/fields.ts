// Fields that many messages share. No free text: a name, an address or a token has no place in a message.
import { z } from 'zod'

/** SHA-256 or HMAC as 43 base64url characters. */
export const Hash32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
/** SHA-256 or HMAC as 64 hex digits. */
export const HexHash = z.string().regex(/^[0-9a-f]{64}$/)
/** An amount in minor units, as decimal text: JSON numbers end at 2^53. */
export const Amount = z.string().regex(/^(?:0|[1-9][0-9]{0,18})$/)
/** RFC 3339 UTC. */
export const At = z.iso.datetime()
