// The messages an open saga waits for, made again from its state at any time: the stream is the outbox.
import { COMMAND_MAX_BYTES, commandMessageId, type SagaCommand, type StepMessage } from '@loomworks/contracts'
import { type Json, type JsonObject, Terminal, timeOf } from '@loomworks/kernel'
import { keysOf } from './check-definition.ts'
import { type AnySaga, type Replies, stepOf } from './definition.ts'
import { isPaused, isTerminal, progressOf, type SagaState } from './state.ts'

/** What the messages of a saga carry beside their own data; it was given when the saga began. */
export interface Thread {
  readonly correlationId: string
  readonly traceparent: string
}

/** None while the saga is paused: nothing is sent then, and what was sent is asked for again when it goes on. */
export function outstanding(definition: AnySaga, state: SagaState, thread: Thread): readonly SagaCommand[] {
  if (isTerminal(state) || isPaused(state)) return []
  return Object.keys(definition.steps)
    .filter((id) => isAwaited(definition, state, id))
    .map((id) => commandOf(definition, state, id, thread))
}

function isAwaited(definition: AnySaga, state: SagaState, id: string): boolean {
  const { phase, halted } = progressOf(state, id)
  return (phase === 'sent' || phase === 'undoSent') && !halted && definition.steps[id]?.message !== undefined
}

function commandOf(definition: AnySaga, state: SagaState, step: string, { correlationId, traceparent }: Thread): SagaCommand {
  const { phase, attempt, sentAt, sentFor, data = {} } = progressOf(state, step)
  const dir = phase === 'sent' ? 'do' : 'undo'
  const message = definition.steps[step]?.message
  const sent = dir === 'do' || message === undefined ? data : undoDataOf(message, data)
  return {
    v: message?.v ?? 1,
    id: commandMessageId(state.sagaId, step, dir, attempt),
    sagaId: state.sagaId,
    definition: state.definition,
    definitionVersion: state.definitionVersion,
    step,
    dir,
    attempt,
    correlationId,
    causationId: sentFor,
    traceparent,
    issuedAt: timeOf(sentAt),
    ...(state.deadlineAt !== undefined && state.state === 'running' && { deadlineAt: timeOf(state.deadlineAt) }),
    data: sent as Record<string, never>,
  }
}

/** What an undo is sent with: the ids that its do was sent with. */
export function undoDataOf(message: StepMessage, data: JsonObject): JsonObject {
  return pick(data, message.undo === undefined ? [] : keysOf(message.undo))
}

function pick(data: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(keys.filter((key) => data[key] !== undefined).map((key) => [key, data[key] as Json]))
}

/** What a step is sent with. Data that do not fit the message are a bug of the definition: Terminal `saga.command_invalid`. */
export function commandData(definition: AnySaga, state: SagaState, id: string): JsonObject {
  const step = stepOf(definition, id)
  const data = step.data(state.input as never, state.ids, repliesOf(state))
  const parsed = step.message === undefined ? { success: true as const, data } : step.message.do.safeParse(data)
  if (!parsed.success)
    throw new Terminal('saga.command_invalid', `${definition.name} makes data for ${id} that do not fit its message`, { cause: parsed.error })
  if (Buffer.byteLength(JSON.stringify(parsed.data)) > COMMAND_MAX_BYTES - ROOM_BYTES) throw new Terminal('saga.command_invalid', `${id} is sent too much data`)
  return JSON.parse(JSON.stringify(parsed.data)) as JsonObject
}

/** What the members around the data take at most. */
const ROOM_BYTES = 1024

function repliesOf(state: SagaState): Replies {
  return ((message: { readonly step: string }) => state.steps[message.step]?.reply) as Replies
}
