// What every service with saga steps answers to the saga tool, as identity does.
import { newId } from '@loomworks/kernel'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { type SignedUp, signedUp } from '../signing-up.ts'

let bench: IdentityBench
let ada: SignedUp
let sagaId: string
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
  ada = await signedUp(bench, { email: 'ada@example.org' })
  sagaId = (await bench.ask('GET', '/admin/sagas', { session: bench.operatorToken })).body.items[0].id
})
afterAll(() => bench[Symbol.asyncDispose]())

test('the fences of a saga, and each delivery of its commands', async () => {
  const { status, body } = await bench.internal('identity', 'GET', `/internal/sagas/${sagaId}/fences`)
  expect(status).toBe(200)
  expect(body.fences.map(({ step, state, outcome }: Record<string, string>) => [step, state, outcome]).sort()).toEqual([
    ['activate', 'done', 'done'],
    ['commonsJoin', 'done', 'done'],
    ['createPending', 'done', 'done'],
  ])
  expect(body.deliveries).toHaveLength(3)
  expect(body.deliveries[0]).toMatchObject({ step: 'createPending', dir: 'do', attempt: 1, deliveryNo: 1, result: 'ok', errorClass: null })
})

test('of a saga it never heard of it knows nothing', async () => {
  expect(await bench.internal('identity', 'GET', `/internal/sagas/${newId()}/fences`)).toMatchObject({ status: 200, body: { fences: [], deliveries: [] } })
})

test('all that sagas have left: fences, and behind them the persons', async () => {
  const first = await bench.internal('identity', 'GET', '/internal/sagas/effects')
  expect(first.body).toMatchObject({ effects: [], nextCursor: 'effect/' })
  expect(first.body.fences.map(({ step }: { step: string }) => step)).toEqual(['activate', 'commonsJoin', 'createPending'])
  const second = await bench.internal('identity', 'GET', `/internal/sagas/effects?cursor=${encodeURIComponent(first.body.nextCursor)}`)
  expect(second.body).toMatchObject({ fences: [], effects: [{ kind: 'person', id: ada.personId, state: 'active' }], nextCursor: null })
})

test('they are for identity alone, and take no cursor of another shape', async () => {
  expect(await bench.internal('memory', 'GET', `/internal/sagas/${sagaId}/fences`)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  expect(await bench.internal('identity', 'GET', '/internal/sagas/effects?cursor=nonsense')).toMatchObject({ status: 422 })
})
