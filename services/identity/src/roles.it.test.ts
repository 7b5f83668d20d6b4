import { expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from './identity-bench.ts'
import { adminGrant } from './roles.ts'
import { signedUp, verified, withFactors } from './signing-up.ts'

const rolesOf = async (bench: IdentityBench, session: string) => (await bench.ask('GET', '/me', { session })).body.roles

const grantsTold = (bench: IdentityBench, personId: string) => bench.told('RoleGranted', personId)

test('where the deployment says so, the first activated person is the administrator, and nobody after', async () => {
  await using bench = await identityBench({ adminUrl: inject('adminUrl'), environment: { FIRST_PERSON_IS_ADMIN: 'on' } })
  const ready = await Promise.all(Array.from({ length: 5 }, (_, index) => withFactors(bench, { email: `f${index}@example.org` })))
  const answers = await Promise.all(ready.map((each) => verified(bench, each)))
  const roles = answers.map(({ body }) => body.person.roles.join(' '))
  expect(roles.toSorted()).toEqual(['', '', '', '', 'admin ops'])
  const first = answers.find(({ body }) => body.person.roles.length > 0)
  const told = await grantsTold(bench, first?.body.person.id)
  expect(told.map(({ data }) => data.role)).toEqual(['admin', 'ops'])
  expect(told.map(({ revision }) => revision)).toEqual([7, 8])
})

test('elsewhere nobody is, until who holds the database makes somebody one', async () => {
  await using bench = await identityBench({ adminUrl: inject('adminUrl') })
  const ada = await signedUp(bench, { email: 'Ada@example.org' })
  expect(await rolesOf(bench, ada.session)).toEqual([])
  expect(await adminGrant(bench.db, ' ada@EXAMPLE.org')).toEqual({ personId: ada.personId, roles: ['admin', 'ops'] })
  expect(await rolesOf(bench, ada.session)).toEqual(['admin', 'ops'])
  const told = await grantsTold(bench, ada.personId)
  expect(told).toMatchObject([
    { actor: { kind: 'service', id: 'operator' }, data: { personId: ada.personId, role: 'admin', by: { kind: 'service', id: 'operator' } } },
    { data: { role: 'ops' } },
  ])
  expect(await adminGrant(bench.db, 'ada@example.org')).toEqual({ personId: ada.personId, roles: ['admin', 'ops'] })
  expect(await grantsTold(bench, ada.personId)).toHaveLength(2)
  expect(await adminGrant(bench.db, 'nobody@example.org')).toBeUndefined()
})
