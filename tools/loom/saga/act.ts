import { Planned, SagaDetail } from '@loomworks/identity/saga-tool'
import type { Command } from 'commander'
import type { z } from 'zod'
import { Failed } from '../failed.ts'
import { ask, type GatewayOptions, gatewayCommand } from '../gateway.ts'

interface ActOptions extends GatewayOptions {
  readonly reason: string
  readonly step?: string
  readonly dryRun?: true
  readonly revision?: string
}

const VERBS: Readonly<Record<string, string>> = {
  retry: 'Sends what is outstanding again as a new attempt, now.',
  resend: 'Sends what is outstanding again as the same attempt.',
  pause: 'Holds a saga: nothing is sent and no time passes for it.',
  unpause: 'Lets a paused saga go on.',
  cancel: 'Turns a saga around before its pivot: everything that was sent is undone.',
}

export function actCommands(saga: Command): void {
  for (const [action, says] of Object.entries(VERBS)) {
    const command = gatewayCommand(saga, action, says, `saga ${action} 5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27 --reason "credit is back" --dry-run`)
      .argument('<id>', 'id of the saga')
      .requiredOption('--reason <text>', 'why; kept in the saga and in the records. 3 to 500 characters, no address')
      .option('--dry-run', 'tell what would happen, and do nothing')
      .option('--revision <n>', 'act only if the saga is still at this revision; default: as it is now')
    if (action === 'retry' || action === 'resend') command.option('--step <id>', 'this step alone')
    command.action((id: string, options: ActOptions) => act(action, id, options))
  }
}

async function act(action: string, id: string, options: ActOptions): Promise<void> {
  const path = `/admin/sagas/${encodeURIComponent(id)}`
  const { reason, step, dryRun: dry_run = false } = options
  const expected_revision = options.revision === undefined ? (await ask(options, { path }, SagaDetail)).revision : Number(options.revision)
  if (!Number.isInteger(expected_revision)) throw new Failed(2, `${options.revision} is no revision.`)
  const body = { action, reason, expected_revision, dry_run, ...(step !== undefined && { step }) }
  const done = await ask(options, { path: `${path}/actions`, body }, Planned)
  console.log(options.json ? JSON.stringify(done, null, 2) : textOf(done))
}

function textOf({ dry_run, revision, state, events, messages }: z.output<typeof Planned>): string {
  const lines = events.map(({ type, data }) => `  ${[type, data.step, data.attempt, data.code].filter((word) => word !== undefined).join(' ')}`)
  return [
    dry_run ? 'It would append:' : 'It has appended:',
    ...lines,
    messages.length === 0 ? 'and send nothing.' : 'and send:',
    ...messages.map(({ id, subject }) => `  ${id} on ${subject}`),
    `The saga ${dry_run ? 'would be' : 'is'} ${state} at revision ${revision}.`,
  ].join('\n')
}
