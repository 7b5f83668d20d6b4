// Why a passkey was refused. Whoever showed it is told one thing whatever it was; the reason is for the metrics alone (identity page §3).

export type Ceremony = 'registration' | 'login'
export type PasskeyFault = 'origin' | 'rp_id' | 'type' | 'challenge' | 'user_verification' | 'algorithm' | 'attestation' | 'signature' | 'malformed'

/** How the library that checks words it. Read from the front: what follows may be the client's own text. */
const WORDS: readonly (readonly [RegExp, PasskeyFault])[] = [
  [/^Unexpected (?:registration|authentication) response origin |^Unexpected (?:cross-origin|top origin) |^Detected cross-origin /, 'origin'],
  [/^Unexpected RP ID hash$/, 'rp_id'],
  [/^Unexpected (?:registration|authentication) response type/, 'type'],
  [/^Unexpected (?:registration|authentication) response challenge /, 'challenge'],
  [/^User (?:verification|presence|not present)/, 'user_verification'],
  [/^Unexpected public key alg |numeric alg$/, 'algorithm'],
  [/^(?:None attestation|Unsupported Attestation Format)/, 'attestation'],
]

/** The reason in the error of a check; `malformed` for everything that is no answer of a passkey at all. */
export function faultOf(error: unknown): PasskeyFault {
  const message = error instanceof Error ? error.message : ''
  return WORDS.find(([pattern]) => pattern.test(message))?.[1] ?? 'malformed'
}
