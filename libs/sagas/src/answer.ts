// What a participant answers, before it is addressed to an attempt.
import { COMMAND_MAX_BYTES, type SagaCommand, SagaReply, type StepMessage } from '@loomworks/contracts'
import { type Clock, type JsonObject, type ServiceName, Terminal, type Time, timeOf } from '@loomworks/kernel'
import type { StoredReply, StoredUndo } from './fence.ts'

export interface Answer {
  readonly outcome: 'done' | 'failed' | 'refused' | 'error'
  readonly code?: string | undefined
  readonly data?: JsonObject | undefined
  /** When it came to be; absent where nothing was stored: then the time of the command stands. */
  readonly at?: Time
  /** It is what the fence held. */
  readonly repeated?: true
}

export const REFUSED: Answer = { outcome: 'refused' }

export function errorAnswer(code: string): Answer {
  return { outcome: 'error', code }
}

export function replayed({ outcome, code, data, at }: StoredReply): Answer {
  return { outcome, at, ...(code !== undefined && { code }), ...(data !== undefined && { data }) }
}

export function replayedUndo({ effect, at }: StoredUndo): Answer {
  return { outcome: 'done', data: { effect }, at }
}

/** What a do answered, as it is stored. Data that break the message's own schema are a bug here: Terminal `saga.reply_invalid`. */
export function doneReply(message: StepMessage, data: JsonObject, clock: Clock): StoredReply {
  const parsed = message.done.safeParse(data)
  if (!parsed.success) throw new Terminal('saga.reply_invalid', `${message.step} answers what its message does not allow`, { cause: parsed.error })
  return { outcome: 'done', data: JSON.parse(JSON.stringify(parsed.data)) as JsonObject, at: timeOf(clock.now()) }
}

/** The reply to one command. Equal for equal answers, so that a repeat is the same message, whoever sends it. */
export function replyTo(command: SagaCommand, answer: Answer, by: { readonly service: ServiceName; readonly instance: string }): SagaReply {
  const { sagaId, step, dir, attempt, id, issuedAt } = command
  const { outcome, code, data, at } = answer
  return SagaReply.parse({
    v: 1,
    id: `${id}/r`,
    sagaId,
    step,
    dir,
    attempt,
    outcome,
    ...(code !== undefined && { code }),
    ...(data !== undefined && { data }),
    at: at ?? issuedAt,
    ...by,
  })
}

/** The message on the bus. More than 16 KiB is Terminal `saga.reply_too_large`. */
export function textOf(reply: SagaReply): string {
  const text = JSON.stringify(reply)
  if (Buffer.byteLength(text) > COMMAND_MAX_BYTES) throw new Terminal('saga.reply_too_large', `the reply of ${reply.step} is larger than 16 KiB`)
  return text
}
