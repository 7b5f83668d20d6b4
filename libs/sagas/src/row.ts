// A saga as the list of sagas keeps it: what is asked for without reading its stream.
import { type JsonObject, timeOf } from '@loomworks/kernel'
import { duesOf } from './due.ts'
import type { OpenRow } from './open-sagas.ts'
import { outstanding } from './outstanding.ts'
import type { Saga } from './record.ts'
import { isTerminal, overlaysOf, type SagaState, type StepProgress } from './state.ts'

/** What a row is made of. */
type Listable = Pick<Saga, 'definition' | 'state' | 'revision' | 'correlationId' | 'traceparent'>

export function rowOf(saga: Listable): OpenRow {
  const { definition, state, revision } = saga
  const [due] = duesOf(definition, state)
  const ended = isTerminal(state)
  return {
    sagaId: state.sagaId,
    definition: state.definition,
    version: state.definitionVersion,
    state: state.state,
    overlay: overlaysOf(state),
    revision,
    nextDueAt: due === undefined ? null : timeOf(due.at),
    outstanding: outstanding(definition, state, saga).map(({ id }) => id),
    code: state.code ?? null,
    startedAt: timeOf(state.startedAt),
    updatedAt: timeOf(state.updatedAt),
    ...standingOf(state),
    durationMs: ended ? Math.max(0, state.updatedAt - state.startedAt) : null,
    stepMs: ended ? stepMsOf(state) : null,
    refs: refsOf(saga),
  }
}

const NO_ANSWER = 'saga.no_answer'

/** Where it stands: with the step that is asked for most often, or the one that failed; and the last that went wrong there. */
function standingOf(state: SagaState): Pick<OpenRow, 'step' | 'attempts' | 'errorClass'> {
  const steps = Object.entries(state.steps)
  const awaited = steps.filter(([, { phase }]) => phase === 'sent' || phase === 'undoSent')
  const [open] = awaited.sort(([, a], [, b]) => Number(b.halted ?? false) - Number(a.halted ?? false) || b.attempt - a.attempt)
  const failed = steps.find(([, { code }]) => code !== undefined)
  const [step, progress] = open ?? (state.state === 'completed' ? undefined : failed) ?? []
  const wrong = state.stalled?.code ?? progress?.code ?? failed?.[1].code ?? state.code
  return { step: step ?? null, attempts: progress?.attempt ?? 0, errorClass: wrong ?? (isRetried(progress) ? NO_ANSWER : null) }
}

function isRetried(progress: StepProgress | undefined): boolean {
  return (progress?.attempt ?? 0) > 1
}

function stepMsOf({ steps }: SagaState): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(steps).flatMap(([id, { tookMs }]) => (tookMs === undefined ? [] : [[id, tookMs]])))
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Every id of a thing that it was given, made or was answered, and its trace: the ways to find it by. */
function refsOf({ state, traceparent }: Listable): readonly string[] {
  const told = [state.ids, state.input, ...Object.values(state.steps).map(({ reply }) => reply ?? {})]
  return [...new Set([...told.flatMap(idsIn), traceIdOf(traceparent)])]
}

function idsIn(values: JsonObject | Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).flatMap(([key, value]) => (key.endsWith('Id') && typeof value === 'string' && UUID.test(value) ? [value] : []))
}

/** The 32 digits of a trace id, written as a UUID. */
function traceIdOf(traceparent: string): string {
  return (traceparent.split('-')[1] ?? '').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
