// The rules a definition must keep (saga page §2). A host that is given one that breaks them refuses to start and names the rule.
import { type JsonObject, Terminal } from '@loomworks/kernel'
import { z } from 'zod'
import { type AnySaga, ancestorsOf, type Step } from './definition.ts'

const MOST_STEPS = 32
const STEP_ID = /^[a-z][A-Za-z0-9]{0,31}$/

/** Throws Terminal `saga.definition_invalid` naming the saga, the rule and the step. */
export function checkDefinitions(definitions: readonly AnySaga[]): void {
  for (const definition of definitions) checkDefinition(definition)
  for (const one of definitions) {
    const twin = definitions.find((other) => other !== one && sharesStreams(one, other))
    if (twin !== undefined) refuse(one, `shares the stream prefix ${one.streamPrefix} with ${twin.name}@${twin.version}`)
  }
}

/** Versions of one saga share its streams; a saga ends on the version that its first event names. */
function sharesStreams(one: AnySaga, other: AnySaga): boolean {
  if (one.name === other.name) return one.version === other.version
  return one.streamPrefix.startsWith(other.streamPrefix) || other.streamPrefix.startsWith(one.streamPrefix)
}

function checkDefinition(definition: AnySaga): void {
  const entries = Object.entries(definition.steps)
  if (entries.length > MOST_STEPS) refuse(definition, `has more than ${MOST_STEPS} steps`)
  for (const [id, step] of entries) checkStep(definition, id, step)
  for (const [id] of entries) if (ancestorsOf(definition, id).has(id)) refuse(definition, `has a cycle through ${id}`)
  checkPivot(definition, entries)
}

function checkStep(definition: AnySaga, id: string, { message, after, delayMs }: Step): void {
  if (!STEP_ID.test(id)) refuse(definition, `has the step id ${id}, which is not [a-z][A-Za-z0-9]{0,31}`)
  if (message === undefined && delayMs === undefined) refuse(definition, `has the step ${id} with neither a message nor a delay`)
  if (message !== undefined && message.step !== id) refuse(definition, `calls ${id} what its message calls ${message.step}`)
  const stranger = after.find((other) => definition.steps[other] === undefined)
  if (stranger !== undefined) refuse(definition, `puts ${id} after ${stranger}, which is no step of it`)
  for (const schema of message === undefined ? [] : [message.do, message.done, message.undo])
    if (schema !== undefined && holdsPii(schema)) refuse(definition, `has a field marked pii in a message of ${id}`)
  if (message?.undo !== undefined && !isPartOf(message.undo, message.do)) refuse(definition, `has an undo of ${id} that asks for more than its do knew`)
}

function checkPivot(definition: AnySaga, entries: readonly (readonly [string, Step])[]): void {
  const pivots = entries.filter(([, step]) => step.pivot).map(([id]) => id)
  const [pivot] = pivots
  if (pivot === undefined || pivots.length !== 1) refuse(definition, `has ${pivots.length} pivots instead of one`)
  if (definition.steps[pivot]?.when !== undefined) refuse(definition, 'may skip its pivot')
  const before = ancestorsOf(definition, pivot)
  for (const [id, step] of entries) {
    const undo = step.message?.undo !== undefined
    if (before.has(id) && !undo && !step.readOnly) refuse(definition, `has ${id} before the pivot with neither undo nor readOnly`)
    if (before.has(id)) continue
    if (undo) refuse(definition, `has an undo of ${id}, which is not before the pivot`)
    if (id !== pivot && !ancestorsOf(definition, id).has(pivot)) refuse(definition, `has a pivot that does not come after the earlier step ${id}`)
  }
}

function holdsPii(schema: z.ZodType<JsonObject>): boolean {
  return /"pii":true/.test(JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' })))
}

/** The undo's data are members of the do's, so that they are known from the stream. */
function isPartOf(undo: z.ZodType<JsonObject>, whole: z.ZodType<JsonObject>): boolean {
  const known = new Set(keysOf(whole))
  return keysOf(undo).every((key) => known.has(key))
}

/** The members of an object schema. */
export function keysOf(schema: z.ZodType<JsonObject>): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

function refuse({ name, version }: AnySaga, rule: string): never {
  throw new Terminal('saga.definition_invalid', `The saga ${name}@${version} ${rule}.`)
}
