import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { signup } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { Progress, progressOf } from '../progress.ts'
import { isGone, registrationById } from '../queries.ts'
import { RegistrationId } from '../state.ts'

export const showProgressRoute = operation({
  get: '/auth/signup/:registration_id',
  id: 'showSignup',
  summary: 'How far a signup is',
  authz: { actors: ['anonymous', 'person'], object: 'registration', idFrom: 'params.registration_id', relation: 'none', hide: false },
  limits: { rate: 'ip_only' },
  params: z.object({ registration_id: RegistrationId }),
  reply: Progress,
  refuses: [signup.not_found, shared.invalid_body],

  async answer({ params }, { db, clock, sagas }: IdentityParts) {
    const nowMs = clock.now()
    const registration = await registrationById(db, params.registration_id)
    if (registration === undefined || isGone(registration, nowMs)) throw signup.not_found()
    return progressOf(registration, registration.saga_id === null ? undefined : await sagas.status(registration.saga_id), nowMs)
  },
})
