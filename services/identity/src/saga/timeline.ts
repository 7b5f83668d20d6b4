// A saga on three lanes and one clock: what was decided (its stream), what was delivered (commands and their answers), what took
// effect (fences). The store's clock is the measure: a command is sent before it arrives, and its answer is stored after it was
// made, so an instance whose clock says otherwise is moved until that is true. The times as they were told are kept beside.
import { timeOf } from '@loomworks/kernel'
import { type DeliverySeen, endOf, type HistoryEvent, type SagaHistory } from '@loomworks/sagas'
import { z } from 'zod'
import { type Clock, clocksOf, type Sighting } from './clocks.ts'
import type { Participation, Sight } from './sight.ts'
import { EventTold, toldEvent } from './told.ts'

const Arrived = z.object({
  delivery_no: z.int(),
  at: z.string(),
  /** On the store's clock. */
  corrected_at: z.string(),
  instance: z.string(),
  result: z.string(),
  error_class: z.string().nullable(),
  duration_ms: z.int(),
})

const Message = z.object({
  message_id: z.string(),
  service: z.string(),
  step: z.string(),
  dir: z.enum(['do', 'undo']),
  attempt: z.int(),
  sent_at: z.string(),
  sent_revision: z.int(),
  deliveries: z.array(Arrived),
  /** The event its answer became: absent where it was never answered, or where another attempt's answer came first. */
  answered: z.object({ revision: z.int(), type: z.string(), at: z.string() }).optional(),
  /** Answered by nobody so far, or for good. */
  never_answered: z.boolean(),
})

const EffectSeen = z.object({
  service: z.string(),
  step: z.string(),
  state: z.string(),
  outcome: z.string().nullable(),
  code: z.string().nullable(),
  effect: z.string().nullable(),
  first_seen_at: z.string(),
  corrected_at: z.string(),
  undone_at: z.string().nullable(),
})

export const SagaTimeline = z.object({
  id: z.string(),
  definition: z.string(),
  version: z.int(),
  state: z.string(),
  decisions: z.array(EventTold),
  deliveries: z.array(Message),
  effects: z.array(EffectSeen),
  /** How far each clock was off, ms; positive where it was behind. */
  clocks: z.array(z.object({ clock: z.string(), offset_ms: z.int() })),
  participants: z.array(z.object({ service: z.string(), reachable: z.boolean() })),
})
export type SagaTimeline = z.output<typeof SagaTimeline>

export function timelineOf({ mask }: Pick<Sight, 'mask'>, history: SagaHistory, participations: readonly Participation[]): SagaTimeline {
  const sent = sendingsIn(history)
  const clocks = clocksOf([...sightingsOf(sent, participations)])
  const { after } = endOf(history)
  return {
    id: history.sagaId,
    definition: after.definition,
    version: after.definitionVersion,
    state: after.state,
    decisions: history.events.map((event) => toldEvent(mask, history.definition, event)),
    deliveries: sent.map((message) => shownMessage(message, participations, clocks)),
    effects: participations.flatMap((participation) => effectsOf(participation, clocks)),
    clocks: [...clocks].map(([clock, { offsetMs }]) => ({ clock, offset_ms: offsetMs })),
    participants: participations.map(({ service, log }) => ({ service, reachable: log !== undefined })),
  }
}

interface Sending {
  readonly event: HistoryEvent
  readonly messageId: string
  readonly service: string
  readonly step: string
  readonly dir: 'do' | 'undo'
  readonly attempt: number
  /** The event that its own answer became. */
  readonly answer: HistoryEvent | undefined
}

function sendingsIn({ definition, events }: SagaHistory): readonly Sending[] {
  const answers = new Map(events.map((each) => [each.event.causationId, each] as const).reverse())
  return events.flatMap((each): Sending[] => {
    const { event } = each
    if (event.type !== 'StepSent' && event.type !== 'UndoSent') return []
    const message = definition.steps[event.data.step]?.message
    if (message === undefined) return []
    const { step, attempt, messageId } = event.data
    const dir = event.type === 'StepSent' ? 'do' : 'undo'
    return [{ event: each, messageId, service: message.service, step, dir, attempt, answer: answers.get(`${messageId}/r`) }]
  })
}

function arrivalsOf({ service, step, dir, attempt }: Sending, participations: readonly Participation[]): readonly DeliverySeen[] {
  const log = participations.find((each) => each.service === service)?.log
  return log?.deliveries.filter((each) => each.step === step && each.dir === dir && each.attempt === attempt) ?? []
}

/** What is known of the clocks: nothing arrives before it is sent, and what is answered was made before the answer is stored. */
function* sightingsOf(sendings: readonly Sending[], participations: readonly Participation[]): Generator<Sighting> {
  for (const sending of sendings) {
    const sentMs = Date.parse(sending.event.recordedAt)
    for (const arrival of arrivalsOf(sending, participations)) {
      const at = Date.parse(arrival.at)
      const made =
        arrival.result === 'ok' && sending.answer !== undefined
          ? { saidMs: at + arrival.durationMs, beforeMs: Date.parse(sending.answer.recordedAt) }
          : undefined
      yield { clock: arrival.instance, saidMs: at, afterMs: sentMs, ...(made && { made }) }
    }
    const fence = participations.find(({ service }) => service === sending.service)?.log?.fences.find(({ step }) => step === sending.step)
    if (fence !== undefined && sending.dir === 'do' && sending.attempt === 1 && fence.state !== 'tombstone')
      yield { clock: databaseOf(sending.service), saidMs: Date.parse(fence.firstSeenAt), afterMs: sentMs }
  }
}

const databaseOf = (service: string) => `${service} database`

function shownMessage(sending: Sending, participations: readonly Participation[], clocks: ReadonlyMap<string, Clock>): z.output<typeof Message> {
  const { event, messageId, service, step, dir, attempt, answer } = sending
  return {
    message_id: messageId,
    service,
    step,
    dir,
    attempt,
    sent_at: event.recordedAt,
    sent_revision: event.revision,
    deliveries: arrivalsOf(sending, participations).map(({ deliveryNo, at, instance, result, errorClass, durationMs }) => ({
      delivery_no: deliveryNo,
      at,
      corrected_at: corrected(clocks, instance, at),
      instance,
      result,
      error_class: errorClass,
      duration_ms: durationMs,
    })),
    ...(answer !== undefined && { answered: { revision: answer.revision, type: answer.event.type, at: answer.recordedAt } }),
    never_answered: answer === undefined,
  }
}

function effectsOf({ service, log }: Participation, clocks: ReadonlyMap<string, Clock>): readonly z.output<typeof EffectSeen>[] {
  return (log?.fences ?? []).map(({ step, state, outcome, code, effect, firstSeenAt, undoneAt }) => ({
    service,
    step,
    state,
    outcome,
    code,
    effect,
    first_seen_at: firstSeenAt,
    corrected_at: corrected(clocks, databaseOf(service), firstSeenAt),
    undone_at: undoneAt,
  }))
}

function corrected(clocks: ReadonlyMap<string, Clock>, clock: string, at: string): string {
  return timeOf(Date.parse(at) + (clocks.get(clock)?.offsetMs ?? 0))
}
