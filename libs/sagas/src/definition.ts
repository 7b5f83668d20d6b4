// What a saga is: a named, versioned graph of steps. Which steps run side by side follows from `after` alone. A definition is a
// value; start-up refuses one that could end in the middle.
import type { SagaName, StepMessage } from '@loomworks/contracts'
import type { JsonObject, SagaId } from '@loomworks/kernel'
import type { z } from 'zod'

/** What a step's message answered in this saga; undefined where the step was skipped or has not answered. */
export type Replies = <M extends StepMessage>(message: M) => z.output<M['done']> | undefined
export type Ids = Readonly<Record<string, string>>

export interface Retry {
  readonly firstMs: number
  readonly factor: number
  readonly maxMs: number
}

export interface Step<Input = never> {
  /** The message that is sent, and with it the service that executes it; absent for a timer. */
  readonly message?: StepMessage
  readonly after: readonly string[]
  /** A step whose `when` says no is skipped. */
  when?(input: Input): boolean
  /** After its sending the saga only goes forward. */
  readonly pivot?: true
  /** Leaves nothing that would have to be undone. */
  readonly readOnly?: true
  data(input: Input, ids: Ids, replies: Replies): JsonObject
  /** How long a timer runs, ms. */
  delayMs?(input: Input): number
  /** How long an answer may take before the message is sent again, ms. */
  readonly timeoutMs: number
  readonly retry: Retry
}

export interface SagaDefinition<Input = never> {
  readonly name: SagaName
  readonly version: number
  readonly input: z.ZodType<JsonObject>
  readonly streamPrefix: string
  /** All ids the saga will use, known before its first step. */
  ids(sagaId: SagaId): Ids
  readonly steps: Readonly<Record<string, Step<Input>>>
  /** Until the pivot, ms; absent for a saga that does not time out. */
  readonly deadlineMs?: number
}

/** A definition with its input forgotten, as the engine keeps it. */
export type AnySaga = SagaDefinition

const TIMEOUT_MS = 2000
const RETRY: Retry = { firstMs: 200, factor: 2, maxMs: 1000 }

type StepOptions<Input, M extends StepMessage> = Pick<Step<Input>, 'after' | 'when' | 'pivot' | 'readOnly'> & {
  data(input: Input, ids: Ids, replies: Replies): z.input<M['do']>
  readonly timeoutMs?: number
  readonly retry?: Retry
}

/** Makes the steps of one saga, typed by its input. */
export interface StepMaker<Input> {
  /** A step that a participant executes. */
  step<M extends StepMessage>(message: M, options: StepOptions<Input, M>): Step<Input>
  /** A step that waits. Nothing is sent, and nothing is left to undo. */
  timer(options: Pick<Step<Input>, 'after' | 'when'> & { delayMs(input: Input): number }): Step<Input>
}

/** A saga as a value, its steps checked against the types of its input and of their messages. */
export function defineSaga<S extends z.ZodType<JsonObject>>(
  definition: Omit<SagaDefinition<z.output<S>>, 'input' | 'steps'> & {
    readonly input: S
    steps(make: StepMaker<z.output<S>>): Readonly<Record<string, Step<z.output<S>>>>
  },
): SagaDefinition<z.output<S>> {
  return { ...definition, steps: definition.steps(makerOf<z.output<S>>()) }
}

function makerOf<Input>(): StepMaker<Input> {
  return {
    step: (message, options) => ({ timeoutMs: TIMEOUT_MS, retry: RETRY, ...options, message, data: options.data as Step<Input>['data'] }),
    timer: (options) => ({ ...options, readOnly: true, data: () => ({}), timeoutMs: TIMEOUT_MS, retry: RETRY }),
  }
}

/** The definition as the engine takes it. The input of a stream was parsed by the same definition's schema when it began. */
export function anySaga<Input>(definition: SagaDefinition<Input>): AnySaga {
  return definition as unknown as AnySaga
}

export function stepOf(definition: AnySaga, id: string): Step {
  const found = definition.steps[id]
  if (found === undefined) throw new Error(`${definition.name}@${definition.version} has no step ${id}`)
  return found
}

/** A step that waits, and sends nothing. */
export function isTimer(definition: AnySaga, id: string): boolean {
  return definition.steps[id]?.message === undefined
}

/** The steps that must be settled before this one, near and far. */
export function ancestorsOf(definition: AnySaga, id: string): ReadonlySet<string> {
  const found = new Set<string>()
  const open = [...(definition.steps[id]?.after ?? [])]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue
    found.add(next)
    open.push(...(definition.steps[next]?.after ?? []))
  }
  return found
}

function pivotOf(definition: AnySaga): string {
  const pivot = Object.keys(definition.steps).find((id) => definition.steps[id]?.pivot)
  if (pivot === undefined) throw new Error(`${definition.name} has no pivot`)
  return pivot
}

/** Is this step one that the saga takes back when it turns around? */
export function isBeforePivot(definition: AnySaga, id: string): boolean {
  return graphOf(definition).before.has(id)
}

interface Graph {
  /** Steps before the pivot. */
  readonly before: ReadonlySet<string>
  /** Of each step, those that come after it, near and far. */
  readonly dependents: ReadonlyMap<string, ReadonlySet<string>>
}

const graphs = new WeakMap<AnySaga, Graph>()

/** Which step stands where; worked out once per definition. */
export function graphOf(definition: AnySaga): Graph {
  const known = graphs.get(definition)
  if (known !== undefined) return known
  const ids = Object.keys(definition.steps)
  const ancestors = new Map(ids.map((id) => [id, ancestorsOf(definition, id)]))
  const dependents = new Map(ids.map((id) => [id, new Set(ids.filter((other) => ancestors.get(other)?.has(id)))]))
  const graph = { before: ancestorsOf(definition, pivotOf(definition)), dependents }
  graphs.set(definition, graph)
  return graph
}
