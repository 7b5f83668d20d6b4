import { replayAll, replayOne, SagaReplayed, SagasReplayed } from '@loomworks/identity/saga-tool'
import type { SagaId } from '@loomworks/kernel'
import type { Command } from 'commander'
import { Failed } from '../failed.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'

interface ReplayOptions extends LookOptions {
  readonly all?: true
  readonly since: string
}

export function replaySagasCommand(saga: Command): void {
  lookCommand(saga, 'replay', {
    says: 'Tells stored causes to the decision as it is now. Exit code 1 at a difference: a gate for releases.',
    example: 'saga replay --all --since 2030-01-02T00:00:00Z',
  })
    .argument('[id]', 'id of one saga')
    .option('--all', 'every saga that began since')
    .option('--since <time>', 'RFC 3339', '1970-01-01T00:00:00Z')
    .action(replay)
}

async function replay(id: string | undefined, options: ReplayOptions): Promise<void> {
  if ((id === undefined) !== (options.all === true)) throw new Failed(2, 'Name one saga, or --all.')
  const diverged = id === undefined ? await replayedAll(options) : await replayedOne(id, options)
  if (diverged > 0) throw new Failed(1, `${diverged} ${diverged === 1 ? 'history differs' : 'histories differ'} from what would be decided now.`)
}

async function replayedOne(id: string, options: ReplayOptions): Promise<number> {
  const path = `/admin/sagas/${encodeURIComponent(id)}/replay`
  const replayed = await look(options, { path, post: true, reply: SagaReplayed, direct: (sight) => replayOne(sight, id as SagaId) })
  print(options, replayed, () => lineOf(replayed))
  return replayed.divergence === null ? 0 : 1
}

async function replayedAll(options: ReplayOptions): Promise<number> {
  if (Number.isNaN(Date.parse(options.since))) throw new Failed(2, `${options.since} is no time: write it like 2030-01-02T03:04:05Z.`)
  const since = new Date(options.since).toISOString()
  const total = { replayed: 0, diverged: [] as SagaReplayed[], version_missing: [] as string[] }
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const body = { since, ...(cursor !== undefined && { cursor }) }
    const direct: Parameters<typeof look<typeof SagasReplayed>>[1]['direct'] = (sight) => replayAll(sight, { since, cursor: body.cursor as SagaId | undefined })
    const page = await look(options, { path: '/admin/sagas/replay', body, reply: SagasReplayed, direct })
    total.replayed += page.replayed
    total.diverged.push(...page.diverged)
    total.version_missing.push(...page.version_missing)
    cursor = page.next_cursor
  }
  print(options, total, () =>
    [...total.diverged.map(lineOf), `${total.replayed} replayed, ${total.version_missing.length} of a version that is gone.`].join('\n'),
  )
  return total.diverged.length
}

function lineOf({ id, definition, version, decisions, divergence }: SagaReplayed): string {
  const head = `${id}  ${definition}@${version}  ${decisions} decisions`
  if (divergence === null) return `${head}, all as stored.`
  const { revision, cause, stored, decided } = divergence
  return `${head}; differs at revision ${revision}, from ${cause}:\n  stored   ${JSON.stringify(stored)}\n  decided  ${JSON.stringify(decided)}`
}
