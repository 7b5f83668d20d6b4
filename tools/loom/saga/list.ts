import { type Command, Option } from 'commander'
import { z } from 'zod'
import { ask, type GatewayOptions, gatewayCommand } from '../gateway.ts'
import { ageOf, tableOf } from '../table.ts'
import { Saga, stateOf } from './shape.ts'

const Page = z.object({ items: z.array(Saga), next_cursor: z.string().nullable() })
const STATES = ['requested', 'running', 'committed', 'compensating', 'completed', 'aborted']

interface ListOptions extends GatewayOptions {
  readonly state?: string
  readonly definition?: string
  readonly limit: string
}

export function listSagasCommand(saga: Command): void {
  gatewayCommand(saga, 'list', 'The sagas, newest first.', 'saga list --state running')
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .addOption(new Option('--definition <name>', 'only these').choices(['signup', 'claim', 'erasure', 'adopt']))
    .option('--limit <n>', 'at most so many, 1 to 100', '50')
    .action(list)
}

async function list(options: ListOptions): Promise<void> {
  const { state, definition, limit } = options
  const query = new URLSearchParams({ limit, ...(state !== undefined && { state }), ...(definition !== undefined && { definition }) })
  const { items } = await ask(options, `/admin/sagas?${query}`, Page)
  if (options.json) return console.log(JSON.stringify(items, null, 2))
  const now = Date.now()
  const rows = items.map((each) => [each.id, `${each.definition}@${each.version}`, stateOf(each), ageOf(each.started_at, now), each.next_due_at ?? ''])
  console.log(items.length === 0 ? 'No sagas.' : tableOf(['saga', 'definition', 'state', 'age', 'next due'], rows))
}
