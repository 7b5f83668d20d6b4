import { derivedId } from '@loomworks/kernel'
import { hasEnded, type SagaView } from '@loomworks/sagas'
import { EventStream, operation, type SseEvent, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { signup } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { Progress, progressOf, sagaProgressOf } from '../progress.ts'
import { isGone, registrationById } from '../queries.ts'
import { type Registration, RegistrationId, standingOf } from '../state.ts'

/** Event ids grow over the attempts of a registration: attempt × 10,000 + revision of the saga's stream. */
const IDS_PER_ATTEMPT = 10_000
/** A saga that began in the last moment has ended by then. */
const SAGA_GRACE_MS = 60_000

export const followProgressRoute = operation({
  get: '/auth/signup/:registration_id/events',
  id: 'followSignup',
  summary: 'How far a signup is, as it goes on',
  authz: { actors: ['anonymous', 'person'], object: 'registration', idFrom: 'params.registration_id', relation: 'none', hide: false },
  limits: { rate: 'ip_only', stream: true },
  params: z.object({ registration_id: RegistrationId }),
  reply: Progress,
  refuses: [signup.not_found, shared.invalid_body],

  async answer({ params, header, signal }, parts: IdentityParts) {
    const registration = await registrationById(parts.db, params.registration_id)
    if (registration === undefined || isGone(registration, parts.clock.now())) throw signup.not_found()
    return new EventStream(progressEvents(parts, registration, { after: eventSeen(header('last-event-id')), signal }))
  },
})

/** What a client says it has seen last; before the first event where it says nothing, or nothing that is a number. */
function eventSeen(lastEventId: string | undefined): number {
  const id = Number(lastEventId ?? -1)
  return Number.isNaN(id) ? -1 : id
}

interface Following {
  /** The last event the client has seen. */
  readonly after: number
  readonly signal: AbortSignal
}

/** Waits for a saga that has not begun, as long as the registration may still begin one; ends behind the last event. */
async function* progressEvents({ db, sagas, clock }: IdentityParts, registration: Registration, { after, signal }: Following): AsyncGenerator<SseEvent> {
  const attempt = Math.max(1, registration.attempt)
  const sagaId = registration.saga_id ?? derivedId<'saga'>(registration.id, attempt)
  const idOfView = ({ revision }: SagaView) => attempt * IDS_PER_ATTEMPT + Number(revision)
  const waiting = AbortSignal.timeout(Math.max(0, Date.parse(registration.expires_at) + SAGA_GRACE_MS - clock.now()))
  const over = standingOf(registration, clock.now()) === 'expired' ? AbortSignal.abort() : AbortSignal.any([signal, waiting])
  for await (const view of sagas.changes(sagaId, over)) {
    if (idOfView(view) > after || hasEnded(view)) yield eventOf(idOfView(view), sagaProgressOf(registration, view))
    if (hasEnded(view)) return
  }
  const now = (await registrationById(db, registration.id)) ?? registration
  if (standingOf(now, clock.now()) === 'expired') yield eventOf(now.attempt * IDS_PER_ATTEMPT, progressOf(now, undefined, clock.now()))
}

function eventOf(id: number, data: Progress): SseEvent {
  return { id: String(id), event: 'progress', data }
}
