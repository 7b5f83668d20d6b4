// A stored history through the decision as it is now: the stored causes are told again, and what is decided is compared with what
// is stored. A release that decides otherwise needs a new version of its saga.
import { canonicalJson, type JsonObject, type SagaId } from '@loomworks/kernel'
import type { Cause } from './cause.ts'
import { decide as realDecide } from './decide.ts'
import type { AnySaga } from './definition.ts'
import type { SagaEvent } from './events.ts'
import { evolve } from './evolve.ts'
import { sagaEventOf } from './record.ts'
import type { SagaState } from './state.ts'

/** Where a history and the decision part: what is stored there, and what would be now. */
export interface Divergence {
  /** Place in the stream, from 0. */
  readonly revision: number
  readonly cause: SagaEvent['type']
  readonly stored: SagaEvent | undefined
  readonly decided: SagaEvent | undefined
}

export interface Replayed {
  /** Decisions that were taken again, the one that differs included. */
  readonly decisions: number
  readonly divergence: Divergence | undefined
}

/** One event as it stood, with the saga after it. */
export interface Replayable {
  readonly event: SagaEvent
  readonly after: SagaState
}

type Decide = (definition: AnySaga, sagaId: SagaId, state: SagaState | undefined, cause: Cause) => readonly SagaEvent[]

/** Tells the causes again, each to the saga as it was stored before it; stops at the first difference. */
export function replay(
  { definition, sagaId, events }: { readonly definition: AnySaga; readonly sagaId: SagaId; readonly events: readonly Replayable[] },
  decide: Decide = realDecide,
): Replayed {
  let decisions = 0
  for (let first = 0; first < events.length; ) {
    const until = nextDecision(events, first)
    const stored = events.slice(first, until).map(({ event }) => event)
    decisions++
    const divergence = compared(stored, decide(definition, sagaId, events[first - 1]?.after, causeOf(stored)), first)
    if (divergence !== undefined) return { decisions, divergence }
    first = until
  }
  return { decisions, divergence: undefined }
}

/** Each append is one decision, and its first event is the cause. */
function nextDecision(events: readonly Replayable[], first: number): number {
  const next = events.findIndex(({ event }, index) => index > first && CAUSES.has(event.type))
  return next < 0 ? events.length : next
}

const CAUSES: ReadonlySet<SagaEvent['type']> = new Set([
  'SagaRequested',
  'StepSucceeded',
  'StepFailed',
  'StepUndone',
  'StepErrored',
  'DeadlineHit',
  'OperatorActed',
])

function compared(stored: readonly SagaEvent[], decided: readonly SagaEvent[], first: number): Divergence | undefined {
  const longest = Math.max(stored.length, decided.length)
  const at = Array.from({ length: longest }).findIndex((_, index) => textOf(stored[index]) !== textOf(decided[index]))
  if (at < 0) return undefined
  return { revision: first + at, cause: stored[0]?.type ?? 'SagaRequested', stored: stored[at], decided: decided[at] }
}

function textOf(event: SagaEvent | undefined): string {
  return event === undefined ? '' : canonicalJson(JSON.parse(JSON.stringify(event)) as JsonObject)
}

/** What the saga was told, from the event that keeps it. */
function causeOf(stored: readonly SagaEvent[]): Cause {
  const [event] = stored
  if (event === undefined) throw new Error('a decision without events')
  const { at, causationId: id } = event
  const reply = { kind: 'reply', id, at, code: '', data: {} } as const
  switch (event.type) {
    case 'SagaRequested':
      return { kind: 'request', id, at, input: event.data.input }
    case 'StepSucceeded':
      return { ...reply, ...event.data, dir: 'do', outcome: 'done' }
    case 'StepFailed':
      return { ...reply, step: event.data.step, attempt: event.data.attempt, code: event.data.code, dir: 'do', outcome: 'failed' }
    case 'StepUndone':
      return { ...reply, step: event.data.step, attempt: event.data.attempt, data: { effect: event.data.effect }, dir: 'undo', outcome: 'done' }
    case 'StepErrored':
      return { ...reply, ...event.data, outcome: 'error' }
    case 'DeadlineHit':
      return { kind: 'due', id, at, ...optional(event.data) }
    case 'OperatorActed':
      return { kind: 'operator', id, at, ...optional(event.data) }
    default:
      throw new Error(`${event.type} is no cause`)
  }
}

/** Members that are not there are left out, not undefined. */
function optional<T extends object>(data: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }
}

/** Events as a file keeps them, each with the saga after it. Terminal `saga.corrupt` for a type that there is not. */
export function foldOf(definition: AnySaga, sagaId: SagaId, events: readonly Parameters<typeof sagaEventOf>[0][]): readonly Replayable[] {
  const folded: Replayable[] = []
  for (const each of events) {
    const event = sagaEventOf(each)
    folded.push({ event, after: evolve(definition, sagaId, folded.at(-1)?.after, event) })
  }
  return folded
}
