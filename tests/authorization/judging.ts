// From answers to verdicts, and from verdicts to what is wrong.
import type { Authz } from '@loomworks/service-kit'
import type { ActorName, Verdict } from './expected.ts'

/** An operation as the document lists it, as far as rights go. */
export interface Guarded {
  readonly id: string
  readonly authz: Authz
}

export interface Answer {
  readonly status: number
  readonly code: string | undefined
}

export interface Asked {
  readonly operation: Guarded
  readonly who: ActorName
  /** Whom was asked: the gateway, or the service itself with the token that the gateway would hand it. */
  readonly door: 'gateway' | 'service'
  readonly expected: Verdict
  readonly answer: Answer
}

const NOT_KNOWN = new Set(['unauthenticated', 'session_expired', 'token_refused', 'internal_token_invalid'])
const MAY_NOT = /^(?:auth\.\w+|step_up_required|account_suspended|account_locked|csrf_rejected|\w+\.operator_required)$/
/** What is said of an object that is hidden. What lies within an object that the caller may see has other codes. */
const HIDDEN = new Set(['not_found', 'memory.engagement_not_found'])

/** `broken` is what no caller should ever get. */
function verdictOf({ status, code = '' }: Answer, { hide }: Authz): Verdict | 'broken' {
  if (status >= 500 || code === 'route_not_found' || code === 'method_not_allowed') return 'broken'
  if (status === 401 && NOT_KNOWN.has(code)) return '401'
  if (status === 403 && MAY_NOT.test(code)) return '403'
  return hide && status === 404 && HIDDEN.has(code) ? '404' : 'passes'
}

/** One sentence for each answer that is not what `x-authz` says. */
export function violations(asked: readonly Asked[]): readonly string[] {
  return asked.flatMap(({ operation, who, door, expected, answer }) => {
    const verdict = verdictOf(answer, operation.authz)
    return verdict === expected
      ? []
      : [`${operation.id}: ${who} at the ${door} should get ${expected} and got ${verdict} (${answer.status} ${answer.code ?? ''})`]
  })
}
