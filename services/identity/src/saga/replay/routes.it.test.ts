// The stored histories of real signups through the decision of today; and one that was changed behind its back.

import type { EventStore } from '@loomworks/event-store'
import { newId } from '@loomworks/kernel'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { SAGAS } from '../../definitions.ts'
import { type IdentityBench, identityBench } from '../../identity-bench.ts'
import { signedUp } from '../../signing-up.ts'
import { replayOne } from '../replaying.ts'

let bench: IdentityBench
let id: string
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
  await signedUp(bench, { email: 'ada@example.org' })
  id = (await bench.ask('GET', '/admin/sagas', { session: bench.operatorToken })).body.items[0].id
})
afterAll(() => bench[Symbol.asyncDispose]())

const post = (url: string, body?: unknown) => bench.ask('POST', url, { session: bench.operatorToken, ...(body !== undefined && { body }) })

test('one history replays to its end', async () => {
  expect(await post(`/admin/sagas/${id}/replay`)).toMatchObject({ status: 200, body: { id, definition: 'signup', version: 1, divergence: null } })
  expect(await post(`/admin/sagas/${newId()}/replay`)).toMatchObject({ status: 404, body: { code: 'saga.not_found' } })
})

test('all that began since a moment replay', async () => {
  expect((await post('/admin/sagas/replay', { since: '2020-01-01T00:00:00Z' })).body).toEqual({
    replayed: 1,
    diverged: [],
    version_missing: [],
    next_cursor: null,
  })
  expect((await post('/admin/sagas/replay', { since: '2090-01-01T00:00:00Z' })).body).toMatchObject({ replayed: 0 })
  expect(await post('/admin/sagas/replay', { since: 'yesterday' })).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
})

test('a definition that would wait longer parts from the history at the first message it sends, both sides shown', async () => {
  const [saga] = SAGAS
  if (saga === undefined) throw new Error('no saga')
  const slower = { ...saga, steps: Object.fromEntries(Object.entries(saga.steps).map(([step, each]) => [step, { ...each, timeoutMs: each.timeoutMs + 1 }])) }
  const store: EventStore = bench.platform.eventStore
  const { divergence } = await replayOne({ ...sightOn(store), sagas: [slower] }, id as never)
  expect(divergence).toMatchObject({
    revision: 1,
    cause: 'SagaRequested',
    stored: { type: 'StepSent', data: { step: 'createPending' } },
    decided: { type: 'StepSent' },
  })
  expect(divergence?.stored?.data.timeoutAt).not.toBe(divergence?.decided?.data.timeoutAt)
})

test('a history of a version that was deleted is told so', async () => {
  await expect(replayOne({ ...sightOn(bench.platform.eventStore), sagas: SAGAS.map((saga) => ({ ...saga, version: 2 })) }, id as never)).rejects.toMatchObject({
    code: 'saga.version_missing',
    status: 410,
  })
})

function sightOn(store: EventStore) {
  const { bus, clock } = bench.platform
  return { db: bench.db, store, bus, clock, mask: (text: string) => text, logOf: async () => ({ fences: [], deliveries: [] }) }
}
