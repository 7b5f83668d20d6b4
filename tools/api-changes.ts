// What changed between two OpenAPI documents that a client of the first would feel. The API has no version in its paths, so a change adds and
// takes nothing away (docs/adr/0009). Pure: two documents in, sentences out.
import type { OpenApi, OpenApiOperation } from '@loomworks/service-kit'

type Schema = Readonly<Record<string, unknown>>

interface Place {
  readonly is: string
  /** What is sent may ask for less than before, what is told may tell more. */
  readonly way: 'sent' | 'told'
  readonly said: string[]
}

/** One sentence for each breaking difference; none where clients of `before` go on working. `today` (YYYY-MM-DD) decides whether an operation that
 *  was marked deprecated may be gone. */
export function breakingChanges(before: OpenApi, after: OpenApi, today: string): readonly string[] {
  return Object.entries(before.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, was]) => {
      const is = after.paths[path]?.[method]
      const name = `${method.toUpperCase()} ${path}`
      if (is === undefined) return mayBeGone(was, today) ? [] : [`${name} is gone: keep it, deprecated with a sunset, until that day is past`]
      return changesOf(name, was, is)
    }),
  )
}

function mayBeGone(was: OpenApiOperation, today: string): boolean {
  const { sunset } = (was['x-deprecation'] ?? {}) as { sunset?: string }
  return sunset !== undefined && sunset <= today
}

function changesOf(name: string, was: OpenApiOperation, is: OpenApiOperation): readonly string[] {
  const said: string[] = []
  if (was.operationId !== is.operationId) said.push(`${name}: the id ${was.operationId} became ${is.operationId}; clients call it by its id`)
  rights(name, was, is, said)
  if (is['x-limits'].idempotency === 'required' && was['x-limits'].idempotency !== 'required') said.push(`${name} needs an Idempotency-Key`)
  parameters(name, was, is, said)
  const [wasBody, isBody] = [bodyOf(was.requestBody), bodyOf(is.requestBody)]
  if (wasBody !== undefined && isBody !== undefined) schemas(wasBody, isBody, { is: `${name}, body`, way: 'sent', said })
  else if (wasBody !== undefined) said.push(`${name} takes no body any more`)
  else if (isBody !== undefined && listOf(isBody.required).length > 0) said.push(`${name} needs a body`)
  answers(name, was, is, said)
  return said
}

function rights(name: string, was: OpenApiOperation, is: OpenApiOperation, said: string[]): void {
  const [before, after] = [was['x-authz'] as Schema, is['x-authz'] as Schema]
  for (const actor of missing(before.actors, after.actors)) said.push(`${name} is closed to ${actor}`)
  if (after.scope !== undefined && after.scope !== before.scope) said.push(`${name} needs the scope ${String(after.scope)}`)
  if (after.stepUp !== undefined && after.stepUp !== before.stepUp && before.stepUp !== 'passkey') said.push(`${name} needs a step-up`)
  if (after.role !== undefined && (before.role === undefined || missing(before.role, after.role).length > 0)) said.push(`${name} needs another role`)
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: Schema
}

function parameters(name: string, was: OpenApiOperation, is: OpenApiOperation, said: string[]): void {
  const known = (operation: OpenApiOperation) =>
    new Map(((operation.parameters ?? []) as readonly Parameter[]).map((each) => [`${each.in} ${each.name}`, each]))
  const [before, after] = [known(was), known(is)]
  for (const [key, parameter] of before) {
    const now = after.get(key)
    if (now === undefined) said.push(`${name}: the parameter ${parameter.name} is gone`)
    else schemas(parameter.schema, now.schema, { is: `${name}, ${parameter.name}`, way: 'sent', said })
  }
  for (const [key, { name: added, required }] of after) {
    if (required && before.get(key)?.required !== true) said.push(`${name} needs the parameter ${added}`)
  }
}

function answers(name: string, was: OpenApiOperation, is: OpenApiOperation, said: string[]): void {
  for (const [status, response] of Object.entries(was.responses)) {
    if (status >= '300') continue
    const now = is.responses[status]
    if (now === undefined) {
      said.push(`${name} does not answer ${status} any more`)
      continue
    }
    const [before, after] = [bodyOf(response), bodyOf(now)]
    if (before !== undefined && after === undefined) said.push(`${name}, ${status} has no body any more`)
    if (before !== undefined && after !== undefined) schemas(before, after, { is: `${name}, ${status}`, way: 'told', said })
  }
}

function bodyOf(part: object | undefined): Schema | undefined {
  const { content = {} } = (part ?? {}) as { content?: Readonly<Record<string, { schema: Schema }>> }
  return Object.values(content)[0]?.schema
}

/** Compares what clients rely on: kinds, members, words of a set, limits. What is worded in another way altogether is told as changed. */
function schemas(before: Schema, after: Schema, place: Place): void {
  const [had, has] = [choicesOf(before), choicesOf(after)]
  if (had.length > 1 || has.length > 1) choose(had, has, place)
  else if (JSON.stringify(before.type ?? before.$ref) !== JSON.stringify(after.type ?? after.$ref)) tell(place, `was ${kindOf(before)} and is ${kindOf(after)}`)
  else {
    words(before, after, place)
    if (place.way === 'sent') limits(before, after, place)
    if (before.properties !== undefined) members(before, after, place)
    if (isSchema(before.items) && isSchema(after.items)) schemas(before.items, after.items, { ...place, is: `${place.is}[]` })
  }
}

function choicesOf(schema: Schema): readonly Schema[] {
  const choices = (schema.anyOf ?? schema.oneOf) as readonly Schema[] | undefined
  if (choices !== undefined) return choices
  return Array.isArray(schema.type) ? schema.type.map((type: string) => ({ ...schema, type })) : [schema]
}

/** Each choice of the one side must find one on the other that it fits: what could be sent still can, what is told was known. */
function choose(had: readonly Schema[], has: readonly Schema[], place: Place): void {
  const [from, to] = place.way === 'sent' ? [had, has] : [has, had]
  for (const each of from) {
    const fits = to.some((other) => {
      const said: string[] = []
      const [was, is] = place.way === 'sent' ? [each, other] : [other, each]
      schemas(was, is, { ...place, said })
      return said.length === 0
    })
    if (!fits) tell(place, place.way === 'sent' ? `no longer takes ${kindOf(each)} as it was` : `tells ${kindOf(each)} as it never was`)
  }
}

function members(before: Schema, after: Schema, place: Place): void {
  const [had, has] = [propertiesOf(before), propertiesOf(after)]
  const [needed, needs] = [listOf(before.required), listOf(after.required)]
  for (const [name, schema] of Object.entries(had)) {
    const at = { ...place, is: `${place.is}.${name}` }
    const now = has[name]
    if (now === undefined) tell(at, 'is gone')
    else schemas(schema, now, at)
    if (place.way === 'told' && now !== undefined && needed.includes(name) && !needs.includes(name)) tell(at, 'is not always told any more')
  }
  if (place.way === 'sent') for (const name of needs) if (!needed.includes(name)) tell({ ...place, is: `${place.is}.${name}` }, 'is needed')
}

/** A word more in what is told is an addition: clients must bear words they do not know. */
function words(before: Schema, after: Schema, place: Place): void {
  const set = (schema: Schema) => ('const' in schema ? [schema.const] : (schema.enum as readonly unknown[] | undefined))
  const [had, has] = [set(before), set(after)]
  if (place.way === 'told') {
    if (had !== undefined && has === undefined) tell(place, 'may be any word now')
  } else if (has !== undefined && had === undefined) tell(place, 'takes only certain words now')
  else for (const word of had ?? []) if (has?.includes(word) === false) tell(place, `does not take ${String(word)} any more`)
}

const UPPER = ['maxLength', 'maximum', 'exclusiveMaximum', 'maxItems', 'maxProperties']
const LOWER = ['minLength', 'minimum', 'exclusiveMinimum', 'minItems']

function limits(before: Schema, after: Schema, place: Place): void {
  for (const name of UPPER)
    if (Number(after[name] ?? Number.POSITIVE_INFINITY) < Number(before[name] ?? Number.POSITIVE_INFINITY)) tell(place, `has a smaller ${name}`)
  for (const name of LOWER)
    if (Number(after[name] ?? Number.NEGATIVE_INFINITY) > Number(before[name] ?? Number.NEGATIVE_INFINITY)) tell(place, `has a larger ${name}`)
  if (after.pattern !== undefined && after.pattern !== before.pattern) tell(place, 'has another pattern')
  if (before.additionalProperties !== false && after.additionalProperties === false) tell(place, 'takes no members but its own any more')
}

function tell({ is, said }: Place, what: string): void {
  said.push(`${is} ${what}`)
}

function kindOf(schema: Schema): string {
  return String(schema.const ?? schema.type ?? schema.$ref ?? 'anything')
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function propertiesOf({ properties }: Schema): Readonly<Record<string, Schema>> {
  return (properties ?? {}) as Readonly<Record<string, Schema>>
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value : []
}

function missing(before: unknown, after: unknown): readonly string[] {
  return listOf(before).filter((each) => !listOf(after).includes(each))
}
