import type { Operations } from './generated/api.ts'

export type OperationId = keyof Operations
/** The codes an operation may be refused with; without one, those of all. */
export type Code<Id extends OperationId = OperationId> = Operations[Id]['code']

/** An answer that is a problem (RFC 9457). `detail` is a sentence for people, `requestId` what support will ask for. */
export class Refused extends Error {
  readonly code: Code
  readonly status: number
  readonly detail: string
  readonly requestId: string
  /** Whole seconds after which it may go better; undefined where the server says nothing of it. */
  readonly retryAfterS: number | undefined
  /** The problem as it came, with the members its code adds. */
  readonly problem: Readonly<Record<string, unknown>>

  constructor(status: number, problem: Readonly<Record<string, unknown>>, retryAfterS: number | undefined) {
    super(String(problem.title ?? `answer ${status}`))
    this.name = 'Refused'
    // A code that is newer than this client is still told as it came.
    this.code = String(problem.code ?? 'internal') as Code
    this.status = status
    this.detail = String(problem.detail ?? '')
    this.requestId = String(problem.request_id ?? '')
    this.retryAfterS = retryAfterS
    this.problem = problem
  }
}

/** Is this one of these refusals? `isRefused(error, 'login.refused', 'account_locked')` */
export function isRefused<C extends Code>(error: unknown, ...codes: readonly C[]): error is Refused & { readonly code: C } {
  return error instanceof Refused && (codes.length === 0 || codes.some((code) => code === error.code))
}

export async function refusedBy(answer: Response): Promise<Refused> {
  const problem: unknown = await answer.json().catch(() => undefined)
  const after = Number(answer.headers.get('retry-after') ?? Number.NaN)
  return new Refused(answer.status, { ...(problem as object | undefined) }, Number.isFinite(after) ? after : undefined)
}
