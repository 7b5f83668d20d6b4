// One saga as the tool shows it: head, steps, the graph with the pivot line, the compensation board.
import { timeOf } from '@loomworks/kernel'
import { endOf, type SagaHistory, shapeOf, viewOfHistory } from '@loomworks/sagas'
import { z } from 'zod'
import { BoardRow, boardOf } from './board.ts'
import { SagaShown, shownSaga } from './shown.ts'
import { type Participation, participationsIn, type Sight } from './sight.ts'
import { toldState } from './told.ts'

const GraphStep = z.object({
  step: z.string(),
  at: z.string(),
  after: z.array(z.string()),
  side: z.enum(['before', 'pivot', 'after']),
  undoable: z.boolean(),
  state: z.string(),
  remaining: z.boolean(),
})

export const SagaDetail = SagaShown.extend({
  revision: z.int(),
  deadline_at: z.string().optional(),
  stalled: z.object({ where: z.string(), step: z.string().optional(), code: z.string() }).optional(),
  trace_id: z.string(),
  correlation_id: z.string(),
  ids: z.record(z.string(), z.string()),
  input: z.record(z.string(), z.unknown()),
  graph: z.array(GraphStep),
  board: z.array(BoardRow),
  /** Whose fences could be read. */
  participants: z.array(z.object({ service: z.string(), reachable: z.boolean() })),
})
export type SagaDetail = z.output<typeof SagaDetail>

export async function detailOf(sight: Sight, history: SagaHistory): Promise<SagaDetail> {
  return detail(sight, history, await participationsIn(sight, history))
}

function detail({ mask }: Sight, history: SagaHistory, participations: readonly Participation[]): SagaDetail {
  const last = endOf(history)
  const { input, ids } = toldState(mask, history, last)
  const { deadlineAt, stalled } = last.after
  const { traceparent, correlationId } = history.events[0]?.envelope ?? last.envelope
  return {
    ...shownSaga(viewOfHistory(history)),
    revision: last.revision,
    ...(deadlineAt !== undefined && { deadline_at: timeOf(deadlineAt) }),
    ...(stalled !== undefined && { stalled: { ...stalled } }),
    trace_id: traceparent.split('-')[1] ?? '',
    correlation_id: correlationId,
    ids,
    input,
    graph: shapeOf(history.definition, last.after).map(({ phase, after, ...step }) => ({ ...step, after: [...after], state: phase })),
    board: [...boardOf(history, participations)],
    participants: participations.map(({ service, log }) => ({ service, reachable: log !== undefined })),
  }
}
