import { SagaStats, sagaStats } from '@loomworks/identity/saga-tool'
import type { Command } from 'commander'
import type { z } from 'zod'
import { spanIn, spanOf } from '../spans.ts'
import { tableOf } from '../table.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'

export function sagaStatsCommand(saga: Command): void {
  lookCommand(saga, 'stats', { says: 'How many began and how they ended, how long steps took, what is open.', example: 'saga stats --window 1h' })
    .option('--window <span>', 'of those that began since: 1s to 7d', '1h')
    .action(stats)
}

async function stats(options: LookOptions & { readonly window: string }): Promise<void> {
  const windowMs = spanIn(options.window)
  const figures = await look(options, { path: `/admin/sagas/stats?window=${windowMs}`, reply: SagaStats, direct: (sight) => sagaStats(sight, windowMs) })
  print(options, figures, () => textOf(figures))
}

function textOf({
  window_ms,
  started,
  per_s,
  outcomes,
  codes,
  open,
  stalled,
  paused,
  retrying,
  oldest,
  oldest_started_at,
  steps,
  took,
}: z.output<typeof SagaStats>): string {
  const words = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([word, count]) => `${word} ${count}`)
      .join(', ') || 'none'
  const p = (ms: number | null) => (ms === null ? '-' : spanOf(ms))
  return [
    `In ${spanOf(window_ms)}: ${started} began, ${per_s} a second. ${words(outcomes)}.`,
    `Aborted for: ${words(codes)}.`,
    `Open: ${open}, of them stalled ${stalled}, paused ${paused}, retrying ${retrying}.${oldest === null ? '' : ` The oldest is ${oldest}, since ${oldest_started_at}.`}`,
    `Completed in ${p(took.p50_ms)} (p50), ${p(took.p99_ms)} (p99).\n`,
    tableOf(
      ['step', 'answers', 'p50', 'p99'],
      steps.map(({ step, count, p50_ms, p99_ms }) => [step, String(count), p(p50_ms), p(p99_ms)]),
    ),
  ].join('\n')
}
