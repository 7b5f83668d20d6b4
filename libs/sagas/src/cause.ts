// What a saga can be told: a request, a reply, that a time has come, or what an operator wants. A cause carries everything its events need, so two hosts
// that decide the same write the same bytes.
import type { SagaAction, SagaReply } from '@loomworks/contracts'
import { type JsonObject, type Time, timeOf } from '@loomworks/kernel'
import type { AnySaga } from './definition.ts'
import type { DueWhat } from './events.ts'

interface CauseBase {
  /** Becomes the causationId of the events, and part of their ids. */
  readonly id: string
  readonly at: Time
}

export interface RequestCause extends CauseBase {
  readonly kind: 'request'
  readonly input: JsonObject
}

export interface ReplyCause extends CauseBase {
  readonly kind: 'reply'
  readonly step: string
  readonly dir: 'do' | 'undo'
  readonly attempt: number
  readonly outcome: 'done' | 'failed' | 'refused' | 'error'
  readonly code: string
  readonly data: JsonObject
}

export interface DueCause extends CauseBase {
  readonly kind: 'due'
  readonly what: DueWhat
  readonly step?: string
  readonly attempt?: number
}

export interface OperatorCause extends CauseBase {
  readonly kind: 'operator'
  readonly action: SagaAction
  /** One step alone, of those that are outstanding. */
  readonly step?: string
  readonly reason: string
}

export type Cause = RequestCause | ReplyCause | DueCause | OperatorCause

/** A reply as a cause. One whose data do not fit what its step answers is a bug of the participant: an `error`. */
export function replyCause(definition: AnySaga, reply: SagaReply): ReplyCause {
  const { id, at, step, dir, attempt } = reply
  const { outcome, code, data } = checked(definition, reply)
  return { kind: 'reply', id, at, step, dir, attempt, outcome, code: code ?? 'saga.step_error', data: data ?? {} }
}

function checked(definition: AnySaga, reply: SagaReply): Pick<SagaReply, 'outcome' | 'code' | 'data'> {
  const message = definition.steps[reply.step]?.message
  if (reply.dir === 'undo' || message === undefined || (reply.outcome !== 'done' && reply.outcome !== 'failed')) return reply
  if (reply.outcome === 'failed') return reply.code !== undefined && reply.code in message.fails ? reply : { outcome: 'error', code: 'saga.reply_invalid' }
  const parsed = message.done.safeParse(reply.data)
  return parsed.success ? { ...reply, data: parsed.data as Record<string, never> } : { outcome: 'error', code: 'saga.reply_invalid' }
}

export interface Due {
  readonly what: DueWhat
  readonly step?: string
  readonly attempt?: number
  /** When it is due, ms. */
  readonly at: number
}

const GRACE_MS = 1000

/** A due time as a cause. It happened when it was due; after an outage it happens now, to the second, so that what was due long
 *  ago does not come again at once. The time is part of the id: other bytes are another decision. */
export function dueCause({ what, step, attempt, at }: Due, now: number): DueCause {
  const when = now - at > GRACE_MS ? now - (now % GRACE_MS) : at
  return {
    kind: 'due',
    id: `due/${what}/${step ?? ''}/${attempt ?? ''}/${when}`,
    at: timeOf(when),
    what,
    ...(step !== undefined && { step }),
    ...(attempt !== undefined && { attempt }),
  }
}
