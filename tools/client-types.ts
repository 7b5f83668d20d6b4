// The types of libs/client out of the OpenAPI document: what each operation takes, answers and refuses, and the two lists that the
// client needs while it runs. JSON Schema as zod writes it, no more of it than that.
import type { OpenApi, OpenApiOperation } from '@loomworks/service-kit'

type Schema = Readonly<Record<string, unknown>>

interface Named {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly operation: OpenApiOperation
}

export function clientTypes(document: OpenApi): string {
  const operations = Object.entries(document.paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]): Named => ({ id: operation.operationId, method, path, operation })))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const named = new Map<string, string>()
  const members = operations.flatMap(({ id, operation }) => [...warning(operation), `  ${id}: ${operationType(id, operation, named)}`])
  const keyed = operations.filter(({ operation }) => operation['x-limits'].idempotency !== undefined)
  return [
    '// Made by `npm run generate`; do not edit.',
    'export interface Operations {',
    ...members,
    '}',
    '',
    ...[...named].map(([name, type]) => `type ${name} = ${type}`),
    '',
    '/** Method and path of each operation. */',
    'export const PATHS: Readonly<Record<keyof Operations, string>> = {',
    ...operations.map(({ id, method, path }) => `  ${id}: '${method.toUpperCase()} ${path}',`),
    '}',
    '',
    '/** The operations that take an Idempotency-Key: with one they may be sent again. */',
    'export const KEYED: ReadonlySet<string> = new Set([',
    ...keyed.map(({ id }) => `  '${id}',`),
    '])',
    '',
  ].join('\n')
}

function warning({ 'x-deprecation': deprecation }: OpenApiOperation): readonly string[] {
  return deprecation === undefined ? [] : [`  /** @deprecated Until ${deprecation.sunset}; use \`${deprecation.instead}\`. */`]
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly schema: Schema
}

function operationType(id: string, operation: OpenApiOperation, named: Map<string, string>): string {
  const type = typesOf(id, named)
  const parameters = (operation.parameters ?? []) as readonly Parameter[]
  const body = contentOf(operation.requestBody)[0]
  const input = [
    ...member('params', parameters, 'path', type),
    ...member('query', parameters, 'query', type),
    ...(body === undefined ? [] : [`body: ${type(body)}`]),
  ]
  const successes = Object.entries(operation.responses).filter(([status]) => status < '300')
  const replies = successes.map(([status, response]) => (status === '204' ? 'undefined' : (contentOf(response).map(type)[0] ?? 'unknown')))
  const codes = Object.values(operation.responses).flatMap((response) => ('x-codes' in response ? (response['x-codes'] as readonly string[]) : []))
  const stream = operation['x-limits'].stream ? '; stream: true' : ''
  return `{ input: ${objectOf(input)}; reply: ${union(replies)}; code: ${union(codes.toSorted().map(literal))}${stream} }`
}

/** The parameters of one place as a member of the input, optional when none of them is needed. */
function member(name: string, parameters: readonly Parameter[], where: Parameter['in'], type: (schema: Schema) => string): string[] {
  const there = parameters.filter((each) => each.in === where)
  if (there.length === 0) return []
  const members = there.map((each) => `${key(each.name)}${each.required ? '' : '?'}: ${type(each.schema)}`)
  return [`${name}${there.some(({ required }) => required) ? '' : '?'}: ${objectOf(members)}`]
}

function contentOf(part: object | undefined): readonly Schema[] {
  const { content = {} } = (part ?? {}) as { content?: Readonly<Record<string, { schema: Schema }>> }
  return Object.values(content).map(({ schema }) => schema)
}

/** Writes a schema as a type; what refers to itself becomes a type of its own, named by its operation. */
function typesOf(id: string, named: Map<string, string>): (schema: Schema) => string {
  const nameOf = (ref: string) => `${id}_${ref.replace(/^#\/\$defs\//, '').replace(/\W/g, '_')}`
  const type = (schema: Schema): string => {
    for (const [name, each] of Object.entries((schema.$defs ?? {}) as Readonly<Record<string, Schema>>)) named.set(nameOf(name), type(each))
    if (typeof schema.$ref === 'string') return nameOf(schema.$ref)
    if ('const' in schema) return literal(schema.const)
    if (Array.isArray(schema.enum)) return union(schema.enum.map(literal))
    const choices = (schema.anyOf ?? schema.oneOf) as readonly Schema[] | undefined
    if (choices !== undefined) return union(choices.map(type))
    if (Array.isArray(schema.allOf)) return schema.allOf.map((each) => `(${type(each)})`).join(' & ')
    if (Array.isArray(schema.type)) return union(schema.type.map((each) => type({ ...schema, type: each })))
    return plain(schema, type)
  }
  return type
}

function plain(schema: Schema, type: (schema: Schema) => string): string {
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type
    case 'integer':
    case 'number':
      return 'number'
    case 'array':
      return Array.isArray(schema.prefixItems)
        ? `readonly [${schema.prefixItems.map(type).join(', ')}]`
        : `readonly (${type((schema.items ?? {}) as Schema)})[]`
    case 'object':
      return objectType(schema, type)
    default:
      return 'unknown'
  }
}

function objectType(schema: Schema, type: (schema: Schema) => string): string {
  const { properties = {}, required = [], additionalProperties } = schema as { properties?: Record<string, Schema>; required?: readonly string[] } & Schema
  const members = Object.entries(properties).map(([name, each]) => `${key(name)}${required.includes(name) ? '' : '?'}: ${type(each)}`)
  const open = typeof additionalProperties === 'object' && additionalProperties !== null
  // Beside named members an index must fit all of them, so it says nothing of the others.
  const index = open ? [`[name: string]: ${members.length === 0 ? type(additionalProperties as Schema) : 'unknown'}`] : []
  return objectOf([...members, ...index])
}

function objectOf(members: readonly string[]): string {
  return members.length === 0 ? '{}' : `{ ${members.join('; ')} }`
}

function union(types: readonly string[]): string {
  return types.length === 0 ? 'never' : [...new Set(types)].join(' | ')
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'` : String(value)
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name)
}
