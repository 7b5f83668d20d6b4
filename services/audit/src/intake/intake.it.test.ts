import { CreditsIssued, EVENT_TYPES, PersonActivated, PersonNamesChanged, SessionOpened } from '@loomworks/contracts'
import { contentHashOf, Head, headCommitment, partCommitment } from '@loomworks/foray'
import { derivedId, newId, type PersonId } from '@loomworks/kernel'
import { many, one, sql } from '@loomworks/sql'
import { eventually, type ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { auditBench } from '../audit-bench.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await auditBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const activation = (personId: PersonId) => ({ personId, personalEngagementId: newId(), sagaId: newId(), claimed: false })
const activityOf = async (personId: PersonId, query = '') => (await bench.person(personId).get(`/me/activity${query}`)).body
const facts = async (personId: PersonId) => (await activityOf(personId)).items.map(({ fact }: { fact: string }) => fact)
const count = () => one(bench.database.db, z.object({ n: z.int() }), sql`select count(*)::int as n from audit.record`)

describe('A-INV-1: a published fact', () => {
  test('is one record, however often it comes', async () => {
    const personId = newId<'person'>()
    const cause = newId()
    for (let repeat = 0; repeat < 3; repeat++) await bench.publish(PersonActivated, activation(personId), { cause })
    await bench.publish(SessionOpened, { personId, sessionId: newId(), amr: ['passkey'], newDevice: true })
    await eventually(async () => expect(await facts(personId)).toEqual(['session_opened', 'person_activated']))
    await eventually(async () =>
      expect((await activityOf(personId)).items[1]).toMatchObject({ class: 'lifecycle', type: 'person_lifecycle', log_index: expect.any(Number) }),
    )
  })

  test('is one record again after a restart, and none is lost that came meanwhile', async () => {
    const personId = newId<'person'>()
    await bench.service.stop(5000)
    await bench.publish(PersonActivated, activation(personId))
    await bench.restart()
    await eventually(async () => expect(await facts(personId)).toEqual(['person_activated']))
  })

  test('of every kind that the contracts know is recorded or refused with a reason', async () => {
    const before = (await count()).n
    for (const type of EVENT_TYPES) await bench.publish(type, type.sample, { cause: newId() })
    const recorded = EVENT_TYPES.filter(({ priority }) => priority !== undefined).length
    await eventually(async () => expect((await count()).n).toBe(before + recorded))
  })
})

test('A-INV-4: every stored record recomputes to its content hash', async () => {
  const rows = await many(
    bench.database.db,
    z.object({ head: z.record(z.string(), z.unknown()), head_salt: z.instanceof(Buffer), content_hash: z.instanceof(Buffer), id: z.string() }),
    sql`select id, head_salt, content_hash,
               jsonb_build_object('v', 1, 'id', id, 'service', service, 'class', class, 'type', type, 'fact', fact, 'priority', priority, 'actor_kind', actor_kind,
                                  'occurred_at', to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                                  'recorded_at', to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) as head
          from audit.record`,
  )
  expect(rows.length).toBeGreaterThan(10)
  for (const { id, head, head_salt, content_hash } of rows) {
    const parts = await many(
      bench.database.db,
      z.object({ salt: z.instanceof(Buffer), body: z.any(), commitment: z.instanceof(Buffer) }),
      sql`select salt, body, commitment from audit.part where record_id = ${id} order by n`,
    )
    for (const { salt, body, commitment } of parts) expect(partCommitment(salt, body)).toEqual(commitment)
    expect(
      contentHashOf(
        headCommitment(head_salt, Head.parse(head)),
        parts.map(({ commitment }) => commitment),
      ),
    ).toEqual(content_hash)
  }
})

describe('A-INV-2: facts of one entity', () => {
  test('stand in the log in their order, also when they arrive turned round', async () => {
    const personId = newId<'person'>()
    const publish = (revision: number) =>
      bench.publish(
        PersonNamesChanged,
        { personId, fields: ['companion_name'] },
        { cause: derivedId(personId, revision), revision, ...(revision > 1 && { prevRevision: revision - 1 }) },
      )
    for (const revision of [4, 3, 2, 1]) await publish(revision)
    await eventually(async () => expect((await facts(personId)).length).toBe(4))
    const rows = await eventually(async () => {
      const found = await many(
        bench.database.db,
        z.object({ revision: z.bigint(), log_index: z.bigint() }),
        sql`select r.revision, r.log_index from audit.record r join audit.part p on p.record_id = r.id
             where p.owner_id = ${personId} and p.role = 'subject' and r.log_index is not null order by r.log_index`,
      )
      expect(found).toHaveLength(4)
      return found
    })
    expect(rows.map(({ revision }) => revision)).toEqual([1n, 2n, 3n, 4n])
  })
})

test('who is named sees the record, and nobody else does', async () => {
  const personId = newId<'person'>()
  const line = { line: 1, role: 'credit', from: 'inst:dunin7', to: `person:${personId}`, asset: 'loomworks_credit_sonnet', quantity: '5' } as const
  const tx = newId<'tx'>()
  await bench.publish(CreditsIssued, { tx, personId, assetId: 'loomworks_credit_sonnet', quantity: '5', lines: [line], cause: 'grant', epoch: tx })
  await eventually(async () => expect(await facts(personId)).toEqual(['credits_issued']))
  expect(await facts(newId())).toEqual([])
})

describe('the list', () => {
  test('is read page by page, each record once', async () => {
    const personId = newId<'person'>()
    for (let n = 0; n < 5; n++) await bench.publish(SessionOpened, { personId, sessionId: newId(), amr: ['passkey'], newDevice: false })
    await eventually(async () => expect((await facts(personId)).length).toBe(5))
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: { id: string }[]; next_cursor: string | null } = await activityOf(personId, `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.next_cursor
    }
    expect(new Set(seen).size).toBe(5)
    expect(seen).toHaveLength(5)
  })

  test.each([
    ['?limit=0', 'activity.filter_invalid'],
    ['?limit=101', 'activity.filter_invalid'],
    ['?actor=person', 'activity.filter_invalid'],
    ['?cursor=nonsense', 'bad_cursor'],
  ])('refuses %s', async (query, code) => {
    expect(await bench.person(newId()).get(`/me/activity${query}`)).toMatchObject({ status: 422, body: { code } })
  })

  test('is for who carries a token with the scope', async () => {
    expect(await bench.stranger.get('/me/activity')).toMatchObject({ status: 401 })
    expect(await bench.person(newId(), { scopes: [] }).get('/me/activity')).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } })
  })
})

test('a record has the id of the message that carried it', async () => {
  const personId = newId<'person'>()
  const cause = newId()
  await bench.publish(PersonActivated, activation(personId), { cause })
  await eventually(async () => expect((await activityOf(personId)).items).toMatchObject([{ id: derivedId(derivedId(cause, 'PersonActivated'), 'record') }]))
})
