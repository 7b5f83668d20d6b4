import { Reconciled } from '@loomworks/identity/saga-tool'
import type { Command } from 'commander'
import type { z } from 'zod'
import { Failed } from '../failed.ts'
import { ask, type GatewayOptions, gatewayCommand } from '../gateway.ts'
import { tableOf } from '../table.ts'
import { print } from './look.ts'

interface ReconcileOptions extends GatewayOptions {
  readonly apply?: true
  readonly reason?: string
}

export function reconcileSagasCommand(saga: Command): void {
  gatewayCommand(
    saga,
    'reconcile',
    'Compares streams, fences and the rows of the owners. Exit code 1 where something is found.',
    'saga reconcile --apply --reason "after the restore"',
  )
    .option('--apply', 'do what is proposed for each finding')
    .option('--reason <text>', 'why; needed with --apply. 3 to 500 characters, no address')
    .action(reconcile)
}

async function reconcile(options: ReconcileOptions): Promise<void> {
  const { apply = false, reason } = options
  if (apply && reason === undefined) throw new Failed(2, 'Say why, with --reason.')
  const total = { findings: [] as Found[], checked: 0 }
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const body = { dry_run: !apply, ...(reason !== undefined && { reason }), ...(cursor !== undefined && { cursor }) }
    const page: z.output<typeof Reconciled> = await ask(options, { path: '/admin/sagas/reconcile', body }, Reconciled)
    total.findings.push(...page.findings)
    total.checked += page.checked
    cursor = page.next_cursor
  }
  print(options, total, () => textOf(total))
  if (total.findings.length > 0) throw new Failed(1, `${total.findings.length} found.`)
}

type Found = z.output<typeof Reconciled>['findings'][number]

function textOf({ findings, checked }: { readonly findings: readonly Found[]; readonly checked: number }): string {
  if (findings.length === 0) return `${checked} looked at, nothing found.`
  const rows = findings.map(({ kind, saga_id = '', service = '', step = '', ref = '', says, proposed, applied }) => [
    kind,
    saga_id,
    [service, step].filter((word) => word !== '').join(' '),
    ref,
    says === undefined ? '' : `${says.saga} / ${says.other}`,
    applied ? `${proposed}: done` : proposed,
  ])
  return tableOf(['finding', 'saga', 'at', 'what', 'saga / other side', 'proposed'], rows)
}
