import { SagaDifferences, sagaDiff } from '@loomworks/identity/saga-tool'
import type { SagaId } from '@loomworks/kernel'
import type { Command } from 'commander'
import { Failed } from '../failed.ts'
import { queryOf } from '../gateway.ts'
import { tableOf } from '../table.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'
import { revisionIn } from './state.ts'

export function sagaDiffCommand(saga: Command): void {
  lookCommand(saga, 'diff', {
    says: 'What differs between two moments of a saga, or between two sagas at their end.',
    example: 'saga diff 5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27 1 4',
  })
    .argument('<id>', 'id of the saga')
    .argument('<a-or-other>', 'revision of an event, or the id of another saga')
    .argument('[b]', 'revision of a later event')
    .action(diff)
}

async function diff(id: string, first: string, second: string | undefined, options: LookOptions): Promise<void> {
  const isOther = first.includes('-')
  if (isOther === (second !== undefined)) throw new Failed(2, 'Name two revisions, or one other saga.')
  const ends = isOther ? { other: first as SagaId } : { a: revisionIn(first), b: revisionIn(second ?? '') }
  const query = queryOf(ends)
  const found = await look(options, {
    path: `/admin/sagas/${encodeURIComponent(id)}/diff?${query}`,
    reply: SagaDifferences,
    direct: (sight) => sagaDiff(sight, id as SagaId, ends),
  })
  const word = (value: unknown) => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value))
  print(options, found, () =>
    found.differences.length === 0
      ? 'Nothing differs.'
      : tableOf(
          ['what', `${found.left.id}@${found.left.revision}`, `${found.right.id}@${found.right.revision}`],
          found.differences.map(({ path, left, right }) => [path, word(left), word(right)]),
        ),
  )
}
