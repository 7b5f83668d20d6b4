import type { SagaPage } from '@loomworks/identity/saga-tool'
import type { z } from 'zod'
import { spanOf } from '../spans.ts'
import { tableOf } from '../table.ts'

type Listed = z.output<typeof SagaPage>['items'][number]

/** Sagas as lines. */
export function linesOf(items: readonly Listed[]): string {
  const rows = items.map((each) => [
    each.id,
    `${each.definition}@${each.version}`,
    [each.state, ...each.overlays].join(' '),
    each.step === null ? '' : `${each.step} ${each.attempts}`,
    each.error_class ?? '',
    spanOf(each.age_ms),
    spanOf(each.duration_ms),
    each.next_due_at ?? '',
  ])
  return items.length === 0 ? 'No sagas.' : tableOf(['saga', 'definition', 'state', 'step', 'error', 'age', 'took', 'next due'], rows)
}
