import { historyIn, momentIn, SagaMoment } from '@loomworks/identity/saga-tool'
import type { SagaId } from '@loomworks/kernel'
import type { Command } from 'commander'
import { Failed } from '../failed.ts'
import { tableOf } from '../table.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'

export function sagaStateCommand(saga: Command): void {
  lookCommand(saga, 'state', {
    says: 'How a saga stood after one of its events; at its end where none is named.',
    example: 'saga state 5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27 --at 3',
  })
    .argument('<id>', 'id of the saga')
    .option('--at <n>', 'revision of the event, from 0')
    .action(state)
}

async function state(id: string, options: LookOptions & { readonly at?: string }): Promise<void> {
  const revision = options.at === undefined ? undefined : revisionIn(options.at)
  const moment = await look(options, {
    path: `/admin/sagas/${encodeURIComponent(id)}/state${revision === undefined ? '' : `?at=${revision}`}`,
    reply: SagaMoment,
    direct: async (sight) => momentIn(sight, await historyIn(sight, id as SagaId), { name: 'at', revision }),
  })
  print(options, moment, () => textOf(moment))
}

export function revisionIn(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new Failed(2, `${text} is no revision: events are counted from 0.`)
  return Number(text)
}

function textOf({ revision, event, state: { state: word, overlays, code, deadline_at, steps } }: SagaMoment): string {
  const rows = Object.entries(steps).map(([step, each]) => [step, each.state, String(each.attempt), each.code ?? '', each.due_at ?? ''])
  return [
    `#${revision} ${event.type} at ${event.at}`,
    `${[word, ...overlays].join(' ')}${code === undefined ? '' : ` because of ${code}`}${deadline_at === undefined ? '' : `, deadline ${deadline_at}`}\n`,
    tableOf(['step', 'state', 'attempts', 'code', 'due'], rows),
  ].join('\n')
}
