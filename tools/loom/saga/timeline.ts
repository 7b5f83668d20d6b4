import { EventTold, historyIn, participationsIn, SagaTimeline, timelineOf } from '@loomworks/identity/saga-tool'
import type { SagaId } from '@loomworks/kernel'
import type { Command } from 'commander'
import { Failed } from '../failed.ts'
import { followed } from '../gateway.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'

interface TimelineOptions extends LookOptions {
  readonly follow?: true
}

export function sagaTimelineCommand(saga: Command): void {
  lookCommand(saga, 'timeline', {
    says: 'One saga on three lanes and one clock: decisions, deliveries, effects.',
    example: 'saga timeline 5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27 --follow',
  })
    .argument('<id>', 'id of the saga')
    .option('--follow', 'go on with each event as it is decided, until the saga has ended')
    .action(timeline)
}

async function timeline(id: string, options: TimelineOptions): Promise<void> {
  if (options.follow && options.direct) throw new Failed(2, 'A saga is followed through the services: leave out --direct.')
  const path = `/admin/sagas/${encodeURIComponent(id)}`
  const seen = await look(options, {
    path: `${path}/timeline`,
    reply: SagaTimeline,
    direct: async (sight) => {
      const history = await historyIn(sight, id as SagaId)
      return timelineOf(sight, history, await participationsIn(sight, history))
    },
  })
  print(options, seen, () => textOf(seen))
  if (options.follow) await follow(options, path, seen.decisions.length)
}

async function follow(options: TimelineOptions, path: string, known: number): Promise<void> {
  for await (const event of followed(options, `${path}/events`, EventTold))
    if (event.revision >= known) console.log(options.json ? JSON.stringify(event) : lineOf({ at: event.recorded_at, lane: 'decided', says: decisionOf(event) }))
}

interface Line {
  readonly at: string
  readonly lane: 'decided' | 'delivered' | 'effect'
  readonly says: string
}

const LANES = ['decided', 'delivered', 'effect'] as const

/** All lanes in the order of their corrected time; what happens at one moment in the order of cause and effect. */
function textOf(seen: SagaTimeline): string {
  const lines = [...decisions(seen), ...deliveries(seen), ...effects(seen)]
  const sorted = lines.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : LANES.indexOf(a.lane) - LANES.indexOf(b.lane)))
  const clocks = seen.clocks.filter(({ offset_ms }) => offset_ms !== 0).map(({ clock, offset_ms }) => `${clock} by ${offset_ms} ms`)
  const unanswered = seen.deliveries.filter(({ never_answered }) => never_answered).map(({ message_id }) => message_id)
  return [
    `${seen.definition}@${seen.version}  ${seen.id}  ${seen.state}\n`,
    ...sorted.map(lineOf),
    ...(unanswered.length === 0 ? [] : [`\nNever answered: ${unanswered.join(', ')}`]),
    ...(clocks.length === 0 ? [] : [`\nClocks corrected: ${clocks.join(', ')}`]),
  ].join('\n')
}

function lineOf({ at, lane, says }: Line): string {
  return `${at}  ${lane.padEnd(9)}  ${says}`
}

function decisions({ decisions: all }: SagaTimeline): readonly Line[] {
  return all.map((event) => ({ at: event.recorded_at, lane: 'decided', says: decisionOf(event) }))
}

function decisionOf({ revision, type, actor, data }: EventTold): string {
  const words = ['action', 'step', 'attempt', 'code', 'where', 'what', 'effect', 'reason'].flatMap((key) =>
    data[key] === undefined ? [] : [String(data[key])],
  )
  return [`#${revision}`, type, ...words, ...(type === 'OperatorActed' ? [`by ${actor.kind} ${actor.id}`] : [])].join(' ')
}

function deliveries({ deliveries: all }: SagaTimeline): readonly Line[] {
  return all.flatMap(({ service, step, dir, attempt, deliveries: arrived }) =>
    arrived.map((each) => ({
      at: each.corrected_at,
      lane: 'delivered' as const,
      says: `${step} ${dir} ${attempt} to ${service} (${each.instance}), delivery ${each.delivery_no}: ${each.result}${each.error_class === null ? '' : ` ${each.error_class}`}, ${each.duration_ms} ms`,
    })),
  )
}

function effects({ effects: all }: SagaTimeline): readonly Line[] {
  return all.map(({ corrected_at, service, step, state, code }) => ({
    at: corrected_at,
    lane: 'effect',
    says: `${step} at ${service} is ${state}${code === null ? '' : ` (${code})`}`,
  }))
}
