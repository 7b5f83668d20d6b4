import { PersonActivated, PersonNamesChanged } from '@loomworks/contracts'
import { newId, type PersonId } from '@loomworks/kernel'
import { many, sql } from '@loomworks/sql'
import { eventually, type ServiceBench, serviceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { companion } from '../service.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await serviceBench({ adminUrl: inject('adminUrl'), definition: companion })
})
afterAll(() => bench[Symbol.asyncDispose]())

const Row = z.object({ personal_engagement_id: z.guid(), account_status: z.string(), source_revision: z.bigint() })
const profilesOf = (personId: PersonId) =>
  many(bench.database.db, Row, sql`select personal_engagement_id, account_status, source_revision from companion.profile where person_id = ${personId}`)
const activation = (personId: PersonId) => ({ personId, personalEngagementId: newId(), sagaId: newId(), claimed: false })

test('an activated person has one profile, however often it is told', async () => {
  const personId = newId<'person'>()
  const fact = activation(personId)
  await bench.publish(PersonActivated, fact, { cause: 'first', revision: 1 })
  await bench.publish(PersonActivated, fact, { cause: 'again', revision: 1 })
  await eventually(async () =>
    expect(await profilesOf(personId)).toEqual([{ personal_engagement_id: fact.personalEngagementId, account_status: 'active', source_revision: 1n }]),
  )
})

test('a rename moves the profile on, and an older fact moves nothing back', async () => {
  const personId = newId<'person'>()
  await bench.publish(PersonActivated, activation(personId), { revision: 1 })
  await bench.publish(PersonNamesChanged, { personId, fields: ['companion_name'] }, { revision: 8 })
  await eventually(async () => expect(await profilesOf(personId)).toMatchObject([{ source_revision: 8n }]))
  await bench.publish(PersonNamesChanged, { personId, fields: ['display_name'] }, { revision: 7 })
  await bench.publish(PersonNamesChanged, { personId, fields: ['display_name'] }, { revision: 9 })
  await eventually(async () => expect(await profilesOf(personId)).toMatchObject([{ source_revision: 9n }]))
})

test('a rename that is heard before the activation waits for it', async () => {
  const personId = newId<'person'>()
  await bench.publish(PersonNamesChanged, { personId, fields: ['companion_name'] }, { revision: 2 })
  const lane = activation(personId)
  await bench.database.db.query(
    sql`insert into companion.profile (person_id, personal_engagement_id, source_revision) values (${personId}, ${lane.personalEngagementId}, 1)`,
  )
  await eventually(async () => expect(await profilesOf(personId)).toMatchObject([{ source_revision: 2n }]))
})
