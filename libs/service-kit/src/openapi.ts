// OpenAPI 3.1 out of the operations themselves (identity page §13.2, §13.5): one document for all services, from which the gateway
// takes its routes, the client its types and the reader everything else.
import { Restriction } from '@loomworks/contracts'
import type { AnyRefusal, ServiceName } from '@loomworks/kernel'
import { Terminal } from '@loomworks/kernel'
import { z } from 'zod'
import type { Authz, Deprecation, Limits, Operation } from './operation.ts'
import { Problem } from './problem.ts'
import { shared } from './shared-refusals.ts'

type Schema = Record<string, unknown>

export interface OpenApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly 'x-owner': ServiceName
  readonly 'x-authz': object
  readonly 'x-limits': Limits
  readonly deprecated?: true
  readonly 'x-deprecation'?: Deprecation
  readonly parameters?: readonly object[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
}

export interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

export interface Offering {
  readonly name: ServiceName
  readonly operations: readonly Operation<never>[]
}

/** What each service may offer (identity page §13.2): the first pattern that fits a path names its owner. */
const SPACES: readonly (readonly [ServiceName, RegExp])[] = [
  ['credit', /^\/(?:claim\/grant$|me\/credit(?:\/|$)|admin\/(?:grants|credit)(?:\/|$))/],
  ['audit', /^\/(?:me\/activity|activity|exports|checkpoint|tile|admin\/audit)(?:\/|$)/],
  [
    'companion',
    /^\/(?:operator\/(?:converse|turns|stream|dashboard)|me\/(?:delegations|approvals|actions|notifications|messages|contacts|connections|ova)|connectors|ova)(?:\/|$)/,
  ],
  ['identity', /^\/engagements\/[^/]+\/(?:members|invitations|agents|settings|secrets)(?:\/|$)/],
  ['memory', /^\/(?:engagements|hats|jobs|addresses|catalogue|mcp|me\/(?:dashboard|recall|workspaces|filters|hats|consents|audit))(?:\/|$)/],
  ['identity', /^\/(?:auth\/|me$|me\/|invitations\/|agents\/|erasures\/|admin\/(?:persons|settings|secrets|sagas|dead-letters)(?:\/|$))/],
]

/** One document of all public operations. Throws Terminal `openapi.invalid` for one without `x-authz`, outside its owner's space,
 *  or with an id that is taken. */
export function openApiOf(services: readonly Offering[], version: string): OpenApi {
  const paths: Record<string, Record<string, OpenApiOperation>> = {}
  const ids = new Set<string>()
  for (const { name, operations } of services) {
    for (const each of operations) {
      if (each.internal !== undefined) continue
      refuseStray(name, each, ids)
      ids.add(each.id)
      const path = each.path.replaceAll(/:([A-Za-z_]\w*)/g, '{$1}')
      paths[path] = { ...paths[path], [each.method.toLowerCase()]: described(name, each) }
    }
  }
  const sorted = Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { openapi: '3.1.0', info: { title: 'Loomworks', version }, paths: sorted, components: { schemas: { Problem: schemaOf(Problem, 'output') } } }
}

function refuseStray(service: ServiceName, { id, path, authz }: Operation<never>, ids: ReadonlySet<string>): void {
  if (authz === undefined) throw new Terminal('openapi.invalid', `${id} has neither authz nor internal: say who may call it`)
  const owner = SPACES.find(([, pattern]) => pattern.test(path))?.[0]
  if (owner !== service) throw new Terminal('openapi.invalid', `${path} belongs to ${owner ?? 'nobody'}, not to ${service}`)
  if (ids.has(id)) throw new Terminal('openapi.invalid', `the operation id ${id} is taken`)
}

function described(service: ServiceName, operation: Operation<never>): OpenApiOperation {
  const parameters = [...parametersOf(operation.params, 'path'), ...parametersOf(operation.query, 'query')]
  return {
    operationId: operation.id,
    summary: operation.summary,
    'x-owner': service,
    'x-authz': operation.authz ?? {},
    'x-limits': operation.limits,
    ...(operation.deprecated && { deprecated: true as const, 'x-deprecation': operation.deprecated }),
    ...(parameters.length > 0 && { parameters }),
    ...(operation.body && { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(operation.body, 'input') } } } }),
    responses: { ...successesOf(operation), ...problemsOf(operation) },
  }
}

function parametersOf(schema: z.ZodType | undefined, where: 'path' | 'query'): readonly object[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as { properties?: Record<string, Schema>; required?: readonly string[] }
  return Object.entries(properties).map(([name, each]) => ({ name, in: where, required: where === 'path' || required.includes(name), schema: each }))
}

function successesOf({ replies, limits }: Operation<never>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(replies).map(([status, schema]) => {
      if (status === '204') return [status, { description: 'Done; nothing to say.' }]
      const type = limits.stream ? 'text/event-stream' : schema instanceof z.ZodString ? 'text/plain' : 'application/json'
      return [status, { description: 'The answer.', content: { [type]: { schema: schemaOf(schema, 'output') } } }]
    }),
  )
}

type Refusing = Pick<Operation<never>, 'refuses' | 'authz' | 'params' | 'query' | 'body' | 'limits'>

/** Every refusal an operation may answer, its own and the shared ones. */
export function refusalsOf(operation: Refusing): readonly AnyRefusal[] {
  return [...operation.refuses, ...sharedBy(operation)]
}

/** Every code an operation may answer, by status. */
function problemsOf(operation: Operation<never>): Record<string, object> {
  const byStatus = new Map<number, string[]>()
  for (const { code, entry } of refusalsOf(operation)) {
    const codes = byStatus.get(entry.status) ?? []
    if (!codes.includes(code)) byStatus.set(entry.status, [...codes, code])
  }
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, codes]) => [
        String(status),
        { description: codes.join(', '), 'x-codes': codes, content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } },
      ]),
  )
}

function sharedBy({ authz, params, query, body, limits }: Refusing): readonly AnyRefusal[] {
  const open = authz?.actors.includes('anonymous') === true
  return [
    shared.malformed_request,
    shared.ambiguous_credentials,
    // A credential that opens something is asked for its rights also where none is needed.
    shared.actor_refused,
    ...(open ? [] : [shared.unauthenticated, shared.token_refused, shared.session_expired, shared.account_suspended]),
    ...(authz?.role === undefined ? [] : [shared.role_missing]),
    ...(authz?.role === undefined && (authz?.scope !== undefined || keepsOut(authz)) ? [shared.scope_missing] : []),
    ...(authz?.stepUp === undefined ? [] : [shared.step_up_required]),
    // A value in a path that is longer than any id.
    ...(params ? [shared.not_found] : []),
    ...(params || query || body ? [shared.invalid_body] : []),
    ...(body ? [shared.media_type, shared.body_too_large] : []),
    ...(limits.idempotency === undefined ? [] : [shared.idempotency_key_invalid, shared.idempotency_key_reused, shared.idempotency_in_flight]),
    ...(limits.idempotency === 'required' ? [shared.idempotency_key_missing] : []),
    ...(limits.stream ? [shared.too_many_streams, shared.draining] : []),
    shared.rate_limited,
    shared.internal,
    shared.dependency_down,
    shared.upstream_timeout,
  ]
}

/** Is there a kind of restricted session that an operation does not let in? */
function keepsOut(authz: Authz | undefined): boolean {
  return authz?.actors.includes('person') === true && Restriction.options.some((each) => authz.restricted?.includes(each) !== true)
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' })
  return rest
}
