// Decisions, deliveries and effects as one row of moments on the clock of the store.
import type { Reply } from '@loomworks/client'
import { sentenceOf } from './words.ts'

type Timeline = Reply<'sagaTimeline'>

export interface Moment {
  readonly key: string
  readonly lane: 'decided' | 'delivered' | 'effect'
  /** On the clock of the store. */
  readonly at: string
  /** As it was told, where that is another time. */
  readonly told?: string
  readonly says: string
  /** Of a decision. */
  readonly revision?: number
  readonly actor?: { readonly kind: string; readonly id: string }
}

export function momentsOf({ decisions, deliveries, effects }: Timeline): readonly Moment[] {
  return [...decisions.map(decided), ...deliveries.flatMap(delivered), ...effects.flatMap(effected)].toSorted(
    (a, b) => Date.parse(a.at) - Date.parse(b.at) || (a.revision ?? Number.MAX_SAFE_INTEGER) - (b.revision ?? Number.MAX_SAFE_INTEGER),
  )
}

function decided(event: Timeline['decisions'][number]): Moment {
  const { revision, recorded_at: at, actor } = event
  const isOperator = event.type === 'OperatorActed'
  return { key: `decided-${revision}`, lane: 'decided', at, says: sentenceOf(event), revision, ...(isOperator && { actor }) }
}

function delivered({ message_id, service, step, dir, attempt, sent_at, deliveries, never_answered }: Timeline['deliveries'][number]): readonly Moment[] {
  const what = `${dir === 'undo' ? 'The undo of ' : ''}${step}${attempt > 1 ? `, attempt ${attempt},` : ''}`
  const lane = 'delivered' as const
  if (deliveries.length === 0)
    return never_answered ? [{ key: `${message_id} never`, lane, at: sent_at, says: `${what} has not arrived at ${service} so far` }] : []
  return deliveries.map(({ delivery_no, at, corrected_at, instance, result, error_class }) => ({
    key: `${message_id} ${delivery_no} ${at}`,
    lane,
    at: corrected_at,
    ...(corrected_at !== at && { told: at }),
    says: `${what} reached ${instance}${delivery_no > 1 ? `, delivery ${delivery_no}` : ''}: ${result}${error_class === null ? '' : ` ${error_class}`}`,
  }))
}

function effected({ service, step, state, code, first_seen_at, corrected_at, undone_at }: Timeline['effects'][number]): readonly Moment[] {
  const lane = 'effect' as const
  const told = corrected_at === first_seen_at ? {} : { told: first_seen_at }
  if (state === 'tombstone') return [{ key: `${service} ${step}`, lane, at: corrected_at, ...told, says: `${step} is barred at ${service}` }]
  const said = state === 'failed' ? `${step} is refused at ${service}${code === null ? '' : `: ${code}`}` : `${step} took effect at ${service}`
  const first = { key: `${service} ${step}`, lane, at: corrected_at, ...told, says: said }
  return undone_at === null ? [first] : [first, { key: `${service} ${step} undone`, lane, at: undone_at, says: `${step} is taken back at ${service}` }]
}
