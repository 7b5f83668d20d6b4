// One error shape: RFC 9457 problem+json with a stable code (identity page §13.4).
import { Refusal, Transient } from '@loomworks/kernel'
import { z } from 'zod'
import { shared } from './shared-refusals.ts'

export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  code: z.string(),
  request_id: z.string(),
  errors: z.array(z.object({ pointer: z.string(), code: z.string(), message: z.string() })).optional(),
})
export type Problem = z.output<typeof Problem>

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** The problem a refusal becomes; its details stand beside the standard members. */
export function problemOf(refusal: Refusal, where: { readonly instance: string; readonly requestId: string }): Problem & Record<string, unknown> {
  return {
    ...snakeCased(refusal.details),
    type: `urn:loomworks:error:${refusal.code}`,
    title: refusal.message,
    status: refusal.status,
    detail: refusal.remedy,
    instance: where.instance,
    code: refusal.code,
    request_id: where.requestId,
  }
}

/** Any error as the refusal the client sees. What is not expected says nothing of itself: id only. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof Transient) return shared.dependency_down(undefined, 1)
  return FRAMEWORK_CODES[frameworkCode(error)]?.() ?? (isFrameworks(error) ? shared.malformed_request() : shared.internal())
}

/** What the framework refuses for reasons of its own is the client's doing where it says so by its status. */
function isFrameworks(error: unknown): boolean {
  return frameworkCode(error).startsWith('FST_ERR_') && error instanceof Error && 'statusCode' in error && Number(error.statusCode) < 500
}

function frameworkCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

const FRAMEWORK_CODES: Readonly<Record<string, () => Refusal>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => shared.body_too_large(),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => shared.media_type(),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => shared.malformed_request(),
  FST_ERR_CTP_INVALID_JSON_BODY: () => shared.malformed_request(),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => shared.malformed_request(),
  FST_ERR_MAX_PARAM_LENGTH: () => shared.not_found(),
  FST_ERR_BAD_URL: () => shared.malformed_request(),
}

/** A failed parse as `invalid_body`: JSON pointers (RFC 6901), closed codes, no value of the client's repeated. */
export function invalidBody(error: z.ZodError, part: 'params' | 'query' | 'body'): Refusal {
  return shared.invalid_body({ errors: [...faultsOf(error, part)] })
}

/** What is wrong, and where. */
export function faultsOf(error: z.ZodError, part: 'params' | 'query' | 'body'): readonly Fault[] {
  return error.issues
    .slice(0, 20)
    .flatMap((issue) => issuesOf(issue).map((path) => ({ pointer: pointerOf(part, path), code: issue.code ?? 'custom', message: issue.message })))
}

export interface Fault {
  readonly pointer: string
  readonly code: string
  readonly message: string
}

function issuesOf(issue: z.core.$ZodIssue): readonly PropertyKey[][] {
  return issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 5).map((key) => [...issue.path, key]) : [issue.path]
}

function pointerOf(part: string, path: readonly PropertyKey[]): string {
  const inside = path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  return part === 'body' ? inside : `/${part}${inside}`
}

function snakeCased(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]))
}
