// What becomes of sagas, and what operators do with them, for who keeps records (saga page §2, §7). Ids and closed words; of an
// aborted signup never the person.
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { integrationEvent } from '../message.ts'
import { OperatorAction, SagaName } from '../sets.ts'

/** Why an operator acted or looked: a sentence. It is kept for ever, so no address has a place in it. */
export const Reason = z.string().regex(/^[^@\p{Cc}]{3,500}$/u)

const sagaId = idOf<'saga'>()
const code = z.string().regex(/^[a-z]+(?:\.[a-z_]+)+$/)
const ofSaga = (data: { sagaId: string }) => data.sagaId
const SAGA = '5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27'
const saga = { sagaId, definition: SagaName, definitionVersion: z.int().min(1) }
const sample = { sagaId: SAGA, definition: 'signup', definitionVersion: 1 } as const

export const SagaCompleted = integrationEvent('identity', 'SagaCompleted', {
  schema: z.strictObject({ ...saga, durationMs: z.int().min(0) }),
  priority: 'standard',
  entity: ofSaga,
  sample: { ...sample, durationMs: 12 },
})

export const SagaAborted = integrationEvent('identity', 'SagaAborted', {
  schema: z.strictObject({ ...saga, code, durationMs: z.int().min(0) }),
  priority: 'standard',
  entity: ofSaga,
  sample: { ...sample, code: 'signup.timed_out', durationMs: 30_400 },
})

export const SagaStalled = integrationEvent('identity', 'SagaStalled', {
  schema: z.strictObject({ ...saga, where: z.enum(['do', 'undo', 'length']), code }),
  priority: 'high',
  entity: ofSaga,
  sample: { ...sample, where: 'undo', code: 'saga.no_answer' },
})

export const OperatorActed = integrationEvent('identity', 'OperatorActed', {
  schema: z.strictObject({
    /** The saga, or the dead letter where it belongs to none. */
    entityId: idOf(),
    sagaId: sagaId.optional(),
    action: OperatorAction,
    reason: Reason,
  }),
  priority: 'critical',
  entity: (data) => data.entityId,
  sample: { entityId: SAGA, sagaId: SAGA, action: 'retry', reason: 'credit is back' },
})

export const SagaLookedUp = integrationEvent('identity', 'SagaLookedUp', {
  schema: z.strictObject({
    lookUpId: idOf<'lookup'>(),
    by: z.enum(['person', 'email']),
    /** Who was looked up, where it is somebody who is there. */
    personId: idOf<'person'>().optional(),
    /** How many sagas were shown. */
    sagas: z.int().min(0),
    reason: Reason,
  }),
  priority: 'high',
  entity: (data) => data.lookUpId,
  sample: { lookUpId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c77', by: 'person', sagas: 1, reason: 'asked for it by ticket 12' },
})
