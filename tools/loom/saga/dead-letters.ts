import { readFileSync } from 'node:fs'
import { DecisionTaken, LetterDetail, LetterListing, LetterPage, letterDetail, letterPage } from '@loomworks/identity/saga-tool'
import { ServiceName } from '@loomworks/kernel'
import { type Command, Option } from 'commander'
import { Failed } from '../failed.ts'
import { ask, type GatewayOptions, gatewayCommand, queryOf } from '../gateway.ts'
import { tableOf } from '../table.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'

const REASONS = ['exhausted', 'schema', 'unknown_version', 'input_mismatch', 'stale', 'unroutable']
const WHY = 'why; kept with the decision and in the records. 3 to 500 characters, no address'

interface ListOptions extends LookOptions {
  readonly service?: string
  readonly reason?: string
  readonly saga?: string
  readonly limit: string
}

interface DecideOptions extends GatewayOptions {
  readonly reason: string
  readonly edit?: string
  readonly dryRun?: boolean
}

export function deadLetterCommands(saga: Command): void {
  const dlq = saga.command('dlq').description('Dead letters: what could not be handled.')
  lookCommand(dlq, 'list', { says: 'Dead letters, oldest first.', example: 'saga dlq list --service memory --reason schema' })
    .addOption(new Option('--service <name>', 'whose handler gave up').choices(ServiceName.options))
    .addOption(new Option('--reason <word>', 'why').choices(REASONS))
    .option('--saga <id>', 'of one saga')
    .option('--limit <n>', 'at most so many, 1 to 100', '50')
    .action(list)
  lookCommand(dlq, 'show', { says: 'One dead letter with its message.', example: 'saga dlq show 17' }).argument('<id>', 'number of the letter').action(show)
  gatewayCommand(
    dlq,
    'redrive',
    'Has a dead letter handled once more, as it is or as edited.',
    'saga dlq redrive 17 --reason "the bug is mended" --edit message.json',
  )
    .argument('<id>', 'number of the letter')
    .requiredOption('--reason <text>', WHY)
    .option('--edit <file>', 'JSON of the whole message, as show prints it; what is left masked stays what it was')
    .option('--dry-run', 'check the edit, and send nothing')
    .action(redrive)
  gatewayCommand(dlq, 'discard', 'Notes that a dead letter needs no handling; the letter stays.', 'saga dlq discard 17 --reason "sent by a test"')
    .argument('<id>', 'number of the letter')
    .requiredOption('--reason <text>', WHY)
    .action(discard)
}

async function list(options: ListOptions): Promise<void> {
  const { service, reason, saga, limit } = options
  const query = queryOf({ service, reason, saga, limit })
  const page = await look(options, {
    path: `/admin/dead-letters?${query}`,
    reply: LetterPage,
    direct: async (sight) => letterPage(sight, LetterListing.parse(Object.fromEntries(query))),
  })
  const rows = page.items.map((each) => [each.id, each.service, each.reason, each.at, each.origin.subject, each.decisions.at(-1)?.decision ?? '', each.error])
  print(options, page.items, () => (rows.length === 0 ? 'No dead letters.' : tableOf(['letter', 'of', 'reason', 'at', 'subject', 'decided', 'error'], rows)))
}

async function show(id: string, options: LookOptions): Promise<void> {
  const letter = await look(options, { path: pathOf(id), reply: LetterDetail, direct: (sight) => letterDetail(sight, id) })
  print(options, letter, () => {
    const { content, decisions, origin, ...head } = letter
    const decided = decisions.map(
      ({ decision, edited, reason, by, at }) => `${decision}${edited ? ' as edited' : ''} at ${at} by ${by.kind} ${by.id}: ${reason}`,
    )
    return [
      `${head.id}  ${head.service}  ${head.reason} after ${head.deliveries} deliveries, ${head.at}\n${head.error}`,
      `${origin.subject}  ${origin.id}  (${origin.stream} ${origin.seq})${head.saga_id === null ? '' : `, saga ${head.saga_id}`}`,
      ...decided,
      `${content.fits ? 'It fits its schema' : 'It does not fit its schema'} (${content.bytes} bytes, sha256 ${content.sha256}):`,
      JSON.stringify(content.message ?? null, null, 2),
    ].join('\n')
  })
}

async function redrive(id: string, { reason, edit, dryRun: dry_run = false, ...options }: DecideOptions): Promise<void> {
  const message: unknown = edit === undefined ? undefined : jsonIn(edit)
  const done = await ask(options, { path: `${pathOf(id)}/redrive`, body: { reason, dry_run, ...(message !== undefined && { message }) } }, DecisionTaken)
  print(options, done, () => `${dry_run ? 'Would go' : 'Went'} out on ${done.message?.subject} as ${done.message?.id}.`)
}

async function discard(id: string, { reason, ...options }: DecideOptions): Promise<void> {
  const done = await ask(options, { path: `${pathOf(id)}/discard`, body: { reason } }, DecisionTaken)
  print(options, done, () => `${id} is discarded; the letter stays.`)
}

function pathOf(id: string): string {
  return `/admin/dead-letters/${encodeURIComponent(id)}`
}

function jsonIn(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new Failed(2, `${file} cannot be read as JSON.`, { cause })
  }
}
