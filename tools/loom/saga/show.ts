import { detailOf, historyIn, SagaDetail } from '@loomworks/identity/saga-tool'
import type { SagaId } from '@loomworks/kernel'
import type { Command } from 'commander'
import { tableOf } from '../table.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'

export function showSagaCommand(saga: Command): void {
  lookCommand(saga, 'show', {
    says: 'One saga: head, graph with what remains, compensation board.',
    example: 'saga show 5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27',
  })
    .argument('<id>', 'id of the saga')
    .action(show)
}

async function show(id: string, options: LookOptions): Promise<void> {
  const saga = await look(options, {
    path: `/admin/sagas/${encodeURIComponent(id)}`,
    reply: SagaDetail,
    direct: async (sight) => detailOf(sight, await historyIn(sight, id as SagaId)),
  })
  print(options, saga, () => [headOf(saga), graphOf(saga), boardOf(saga)].join('\n\n'))
}

function headOf({
  definition,
  version,
  id,
  state,
  overlays,
  started_at,
  updated_at,
  revision,
  code,
  http_status,
  next_due_at,
  stalled,
  participants,
}: SagaDetail): string {
  const away = participants.filter(({ reachable }) => !reachable).map(({ service }) => service)
  return [
    `${definition}@${version}  ${id}  at revision ${revision}`,
    `${[state, ...overlays].join(' ')}, started ${started_at}, last change ${updated_at}`,
    ...(code === undefined ? [] : [`because of ${code} (${http_status})`]),
    ...(stalled === undefined ? [] : [`stalled: ${stalled.code}${stalled.step === undefined ? '' : ` at the ${stalled.where} of ${stalled.step}`}`]),
    ...(next_due_at === undefined ? [] : [`next due ${next_due_at}`]),
    ...(away.length === 0 ? [] : [`not reachable: ${away.join(', ')}`]),
  ].join('\n')
}

/** The steps in their order, and the line after which it only goes forward. */
function graphOf({ graph, steps }: SagaDetail): string {
  const rowOf = ({ step, at, after, state, remaining }: SagaDetail['graph'][number]) => {
    const { attempt = 0, code = '' } = steps.find((each) => each.step === step) ?? {}
    return [step, at, state, String(attempt), code, after.join(', '), remaining ? 'remains' : '']
  }
  const before = graph.filter(({ side }) => side === 'before').map(rowOf)
  const behind = graph.filter(({ side }) => side !== 'before').map(rowOf)
  const lines = tableOf(['step', 'at', 'state', 'attempts', 'code', 'after', ''], [...before, ...behind]).split('\n')
  return [...lines.slice(0, 1 + before.length), '─── pivot: from here it only goes forward ───', ...lines.slice(1 + before.length)].join('\n')
}

function boardOf({ board }: SagaDetail): string {
  const rows = board.map(({ step, at, state, attempts, last_error, next_retry_at }) => [
    step,
    at,
    state,
    String(attempts),
    last_error ?? '',
    next_retry_at ?? '',
  ])
  return tableOf(['effect of', 'at', 'is', 'attempts', 'last error', 'next retry'], rows)
}
