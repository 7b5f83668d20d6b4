import { idOf, type SagaId } from '@loomworks/kernel'
import { EventStream, operation, type SseEvent, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { readsSaga } from '../authz.ts'
import { historyIn } from '../sight.ts'
import { EventTold, toldEvent } from '../told.ts'

export const followSagaRoute = operation({
  get: '/admin/sagas/:id/events',
  id: 'followSaga',
  summary: 'The events of a saga as they are decided, until it has ended',
  authz: readsSaga,
  limits: { stream: true },
  params: z.object({ id: idOf<'saga'>() }),
  reply: EventTold,
  refuses: [refusals.not_found, refusals.version_missing, shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  async answer({ params, header, signal }, parts: IdentityParts) {
    await historyIn(parts.sight, params.id)
    return new EventStream(decisions(parts, params.id, { after: seen(header('last-event-id')), signal }))
  },
})

/** What a client says it has seen last; nothing where it says no number. */
function seen(lastEventId: string | undefined): number {
  const id = Number(lastEventId ?? -1)
  return Number.isInteger(id) ? Math.max(-1, id) : -1
}

async function* decisions(
  { sight, sagas }: Pick<IdentityParts, 'sight' | 'sagas'>,
  id: SagaId,
  { after, signal }: { readonly after: number; readonly signal: AbortSignal },
): AsyncGenerator<SseEvent> {
  let last = after
  // Each change says that there is more in the stream; the stream says what.
  for await (const _ of sagas.changes(id, signal)) {
    const { definition, events } = await historyIn(sight, id)
    for (const each of events.slice(last + 1)) {
      last = each.revision
      yield { id: String(each.revision), event: 'decision', data: toldEvent(sight.mask, definition, each) }
    }
  }
}
