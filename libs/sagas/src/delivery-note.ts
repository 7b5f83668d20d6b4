// What becomes of each delivery of a command, for those who look later: the saga stream knows what was sent and answered, the notes
// know what arrived, how often, where, and how it went.
import type { DeliveryResult, SagaCommand } from '@loomworks/contracts'
import { type Clock, type Time, timeOf } from '@loomworks/kernel'
import type { Answer } from './answer.ts'

export interface DeliveryNote {
  readonly sagaId: string
  readonly step: string
  readonly dir: 'do' | 'undo'
  readonly attempt: number
  /** 1 for the first time the bus brought this message. */
  readonly deliveryNo: number
  /** When it arrived. */
  readonly at: Time
  readonly instance: string
  readonly result: DeliveryResult
  /** The code of a failure, or what kind of trouble it was. */
  readonly errorClass?: string
  readonly durationMs: number
}

/** Makes the note of one delivery once it is known how it went. */
export type Noting = (result: DeliveryResult, errorClass?: string) => DeliveryNote

export interface Arrival {
  readonly command: SagaCommand
  readonly deliveryNo: number
  readonly instance: string
  readonly clock: Clock
}

/** Called when the command arrives, so that the note says how long it took. */
export function noting({ command, deliveryNo, instance, clock }: Arrival): Noting {
  const { sagaId, step, dir, attempt } = command
  const arrivedAt = clock.now()
  return (result, errorClass) => ({
    sagaId,
    step,
    dir,
    attempt,
    deliveryNo,
    at: timeOf(arrivedAt),
    instance,
    result,
    ...(errorClass !== undefined && { errorClass: errorClass.slice(0, MOST_CHARACTERS) }),
    durationMs: Math.max(0, Math.round(clock.now() - arrivedAt)),
  })
}

const MOST_CHARACTERS = 100

/** The note of what was answered from the fence as it stood. */
export function noteOfRepeat(note: Noting, { outcome, code }: Answer): DeliveryNote {
  if (outcome === 'refused' || outcome === 'error') return note(outcome, code)
  return note('duplicate', code)
}
