import { EmailAddress, timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import { statingFor } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { readsSagas } from '../authz.ts'
import { findByEmail, findSagas, SagasFound } from '../finding.ts'

const refuses = [refusals.reason_required, shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body]

export const searchSagasRoute = operation({
  get: '/admin/sagas/search',
  id: 'searchSagas',
  summary: 'Sagas by any id that has to do with them; by a person’s, with a reason that is recorded',
  authz: readsSagas,
  query: z.strictObject({ q: z.string().min(1).max(200), reason: z.string().max(500).optional() }),
  reply: SagasFound,
  refuses,

  answer: ({ query, caller }, { sight, clock, relay }: IdentityParts) =>
    findSagas(sight, query.q, { reason: query.reason, stating: statingFor(caller, timeOf(clock.now())) }).finally(() => relay.wake()),
})

export const searchSagasByEmailRoute = operation({
  post: '/admin/sagas/search',
  id: 'searchSagasByEmail',
  summary: 'Sagas of whoever has an address, with a reason that is recorded',
  authz: readsSagas,
  body: z.strictObject({ email: EmailAddress, reason: z.string().max(500) }),
  reply: SagasFound,
  refuses,

  answer: ({ body, caller }, { sight, clock, relay }: IdentityParts) =>
    findByEmail(sight, body.email, { reason: body.reason, stating: statingFor(caller, timeOf(clock.now())) }).finally(() => relay.wake()),
})
