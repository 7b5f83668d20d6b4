// What an action does: the events of its one append, and the messages that follow. The same for a dry run, which does none of it.
import { commandSubject, SagaAction } from '@loomworks/contracts'
import type { ActOutcome } from '@loomworks/sagas'
import { z } from 'zod'
import { type Mask, masked } from '../masking.ts'
import { toldData } from '../told.ts'

const Data = z.record(z.string(), z.unknown())
const Message = z.object({ id: z.string(), subject: z.string(), step: z.string(), dir: z.enum(['do', 'undo']), attempt: z.int(), data: Data })

export const Planned = z.object({
  id: z.string(),
  action: SagaAction,
  dry_run: z.boolean(),
  /** Of the saga after it. */
  revision: z.int(),
  state: z.string(),
  events: z.array(z.object({ type: z.string(), at: z.string(), data: Data })),
  messages: z.array(Message),
})

export function planned(
  mask: Mask,
  { saga, events, messages }: Extract<ActOutcome, { ok: true }>,
  { action, dryRun }: { readonly action: SagaAction; readonly dryRun: boolean },
): z.output<typeof Planned> {
  const { definition, sagaId, state, revision } = saga
  return {
    id: sagaId,
    action,
    dry_run: dryRun,
    revision: Number(revision),
    state: state.state,
    events: events.map((event) => ({ type: event.type, at: event.at, data: { ...toldData(mask, definition, event) } })),
    messages: messages.map(({ id, command: { step, dir, attempt, data } }) => {
      const message = definition.steps[step]?.message
      const schema = dir === 'do' ? message?.do : message?.undo
      return { id, subject: commandSubject(message?.service ?? '', sagaId, step, dir), step, dir, attempt, data: { ...masked(mask, schema, data) } }
    }),
  }
}
