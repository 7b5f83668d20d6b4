import { Listing, SagaPage, sagaPage } from '@loomworks/identity/saga-tool'
import { type Command, Option } from 'commander'
import { queryOf } from '../gateway.ts'
import { spanIn } from '../spans.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'
import { linesOf } from './rows.ts'

const STATES = ['requested', 'running', 'committed', 'compensating', 'completed', 'aborted']

interface ListOptions extends LookOptions {
  readonly state?: string
  readonly definition?: string
  readonly step?: string
  readonly errorClass?: string
  readonly stalled?: true
  readonly retrying?: true
  readonly older?: string
  readonly slowerThan?: string
  readonly sort: string
  readonly limit: string
}

export function listSagasCommand(saga: Command): void {
  lookCommand(saga, 'list', { says: 'The sagas, newest first.', example: 'saga list --state running --retrying --older 10min' })
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .addOption(new Option('--definition <name>', 'only these').choices(['signup', 'claim', 'erasure', 'adopt']))
    .option('--step <id>', 'that wait for this step, or failed with it')
    .option('--error-class <code>', 'whose last error was this')
    .option('--stalled', 'that nothing moves by itself')
    .option('--retrying', 'that are open and were sent some step more than once')
    .option('--older <span>', 'that began at least so long ago: 10min')
    .option('--slower-than <span>', 'that took, or take by now, at least so long: 500ms')
    .addOption(new Option('--sort <order>', 'newest, slowest or soonest due first').choices(['started', 'duration', 'due']).default('started'))
    .option('--limit <n>', 'at most so many, 1 to 100', '50')
    .action(list)
}

async function list(options: ListOptions): Promise<void> {
  const query = queryOf(wanted(options))
  const page = await look(options, {
    path: `/admin/sagas?${query}`,
    reply: SagaPage,
    direct: async (sight) => sagaPage(sight, Listing.parse(Object.fromEntries(query))),
  })
  print(options, page.items, () => linesOf(page.items))
}

function wanted({ state, definition, step, errorClass: error_class, stalled, retrying, older, slowerThan, sort, limit }: ListOptions) {
  const older_ms = older === undefined ? undefined : spanIn(older)
  const slower_ms = slowerThan === undefined ? undefined : spanIn(slowerThan)
  return { state, definition, step, error_class, stalled, retrying, older_ms, slower_ms, sort, limit }
}
