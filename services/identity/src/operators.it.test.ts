import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { newId } from '@loomworks/kernel'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { memberOf, somebody } from './belonging-story.ts'
import { type IdentityBench, identityBench } from './identity-bench.ts'
import { operatorGrant } from './operators.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())

const { administrative, commons } = WELL_KNOWN_ENGAGEMENTS

test('who holds the database makes operators of the commons and of the administrative engagement, by id or address', async () => {
  const ada = await somebody(bench)
  const { email } = ada.answer.body.person
  expect(await operatorGrant(bench.db, 'e2', ada.personId)).toEqual({
    personId: ada.personId,
    engagement: commons.id,
    designations: ['contributor', 'operator'],
  })
  expect(await operatorGrant(bench.db, 'E0001', ` ${email.toUpperCase()}`)).toEqual({
    personId: ada.personId,
    engagement: administrative.id,
    designations: ['operator'],
  })
  expect(await operatorGrant(bench.db, administrative.id, ada.personId)).toMatchObject({ designations: ['operator'] })
  const told = await bench.told(['MembershipChanged', 'MembershipGranted'], ada.personId)
  expect(told.slice(2).map(({ type, data }) => [type, data.engagementId, data.by])).toEqual([
    ['MembershipChanged', commons.id, { kind: 'service', id: 'operator' }],
    ['MembershipGranted', administrative.id, { kind: 'service', id: 'operator' }],
  ])
})

test('it is the only way there: an operator of the administrative engagement makes no other', async () => {
  const [ada, bob] = [await somebody(bench), await somebody(bench)]
  await operatorGrant(bench.db, 'E1', ada.personId)
  const his = await memberOf(bench, { id: administrative.id, number: 'E0001' }, bob)
  expect(await bench.ask('PUT', `/engagements/E1/members/${his}/designations/operator`, { session: ada.session })).toMatchObject({
    status: 409,
    body: { code: 'membership.automatic' },
  })
})

test('nobody is made one who is not there, and none of another engagement', async () => {
  const ada = await somebody(bench)
  expect(await operatorGrant(bench.db, 'E0002', 'nobody@example.org')).toBeUndefined()
  expect(await operatorGrant(bench.db, 'E0002', newId())).toBeUndefined()
  expect(await operatorGrant(bench.db, 'E1000', ada.personId)).toBeUndefined()
})
