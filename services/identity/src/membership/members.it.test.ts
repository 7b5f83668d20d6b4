// Who belongs where, as people look at it and change it.
import { EngagementOpened, EngagementStateChanged, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { actorFromCompanion, derivedId, newId, type PersonId } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { eventually, fakeClock } from '@loomworks/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { archived, heardOnBus, memberOf, openedBy, somebody } from '../belonging-story.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { operatorGrant } from '../operators.ts'
import type { SignedUp } from '../signing-up.ts'

const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

const COMMONS = WELL_KNOWN_ENGAGEMENTS.commons.id
const person = (name?: string) => somebody(bench, name)
const as = ({ session }: SignedUp) => ({
  get: (url: string) => bench.ask('GET', url, { session }),
  put: (url: string, body?: unknown) => bench.ask('PUT', url, { session, ...(body !== undefined && { body }) }),
  delete: (url: string) => bench.ask('DELETE', url, { session }),
})
const membership = (engagement: string, { personId }: SignedUp) => derivedId(engagement, personId)
const isOperator = (row: { designations: readonly string[] }) => row.designations.includes('operator')

/** An engagement with an operator and a contributor. */
async function two() {
  const [ada, bob] = [await person('Ada'), await person('Bob')]
  const engagement = await openedBy(bench, ada)
  await memberOf(bench, engagement, bob)
  return { ada, bob, engagement, hers: membership(engagement.id, ada), his: membership(engagement.id, bob), at: `/engagements/${engagement.id}/members` }
}

describe('an engagement that memory tells of', () => {
  test('makes its opener an operator, once, with the next number', async () => {
    const ada = await person()
    const engagement = await openedBy(bench, ada)
    const told = await bench.told('MembershipGranted', ada.personId)
    expect(told.at(-1)).toMatchObject({
      revision: 7,
      data: { membershipId: membership(engagement.id, ada), engagementId: engagement.id, designations: ['operator'], operatorSequenceNumber: 3, revision: 1 },
    })
    const again = {
      engagement: engagement.id,
      visibility: 'private' as const,
      displayIdentifier: engagement.number,
      openedBy: { kind: 'person' as const, id: ada.personId as PersonId },
    }
    await memberOf(bench, engagement, await person('Bob'), ['operator'])
    expect((await as(ada).delete(`/engagements/${engagement.id}/members/${membership(engagement.id, ada)}`)).status).toBe(204)
    await heardOnBus(bench, EngagementOpened, again, { cause: 'told again' })
    await heardOnBus(bench, EngagementOpened, { ...again, engagement: newId(), displayIdentifier: 'E3999', openedBy: { kind: 'service', id: 'memory' } })
    await eventually(async () => expect(await refOf('E3999')).toMatchObject({ state: 'active' }))
    expect(await as(ada).get(`/engagements/${engagement.id}/members`)).toMatchObject({ status: 404 })
  })

  test('opened by a Companion is its person’s', async () => {
    const ada = await person()
    const id = newId<'engagement'>()
    const openedBy = actorFromCompanion(ada.personId as PersonId, { approvalMode: 'explicit' })
    await heardOnBus(bench, EngagementOpened, { engagement: id, visibility: 'discoverable', displayIdentifier: 'E3998', openedBy }, { actor: openedBy })
    await eventually(async () => expect((await as(ada).get('/engagements/E3998/members')).body.items).toMatchObject([{ designations: ['operator'] }]))
  })

  test('changes its state as memory says; what is older changes nothing, and one that was never opened is none', async () => {
    const ada = await person()
    const engagement = await openedBy(bench, ada)
    await heardOnBus(bench, EngagementStateChanged, { engagement: newId(), state: 'archived' }, { revision: 5 })
    await heardOnBus(bench, EngagementStateChanged, { engagement: engagement.id, state: 'active' }, { revision: 4 })
    await heardOnBus(bench, EngagementStateChanged, { engagement: engagement.id, state: 'candidate' }, { revision: 3 })
    await eventually(async () => expect(await refOf(engagement.number)).toEqual({ state: 'active', revision: 4n }))
  })

  const refOf = (number: string) =>
    one(
      bench.db,
      z.object({ state: z.string(), revision: z.bigint() }),
      sql`select state, revision from identity.engagement_ref where display_identifier = ${number}`,
    )
})

describe('my memberships', () => {
  test('are listed with what I am there, newest first, never the personal one', async () => {
    const ada = await person()
    clock.advance(1000)
    const engagement = await openedBy(bench, ada)
    const { status, body } = await as(ada).get('/me/memberships')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      items: [
        {
          engagement: { id: engagement.id, display_identifier: engagement.number, visibility: 'private', state: 'candidate' },
          designations: ['operator'],
          commit_authority: true,
          operator_sequence_number: 3,
        },
        { engagement: { id: COMMONS, display_identifier: 'E0002', visibility: 'automatic' }, designations: ['contributor'], commit_authority: false },
      ],
      next_cursor: null,
    })
    expect(JSON.stringify(body)).not.toContain(ada.answer.body.personal_engagement_id)
    const first = (await as(ada).get('/me/memberships?limit=1')).body
    expect(first.items).toEqual(body.items.slice(0, 1))
    expect((await as(ada).get(`/me/memberships?limit=1&cursor=${first.next_cursor}`)).body.items).toEqual(body.items.slice(1))
  })

  test('take pages of 1 to 100 and a cursor of ours', async () => {
    const ada = await person()
    for (const query of ['limit=0', 'limit=101', 'cursor=x', 'colour=red'])
      expect(await as(ada).get(`/me/memberships?${query}`)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })
})

test('my referrals are a number and nobody’s name', async () => {
  const [ada, bob] = [await person(), await person()]
  expect((await as(ada).get('/me/referrals')).body).toEqual({ count: 0 })
  await exec(bench.db, sql`update identity.persons set referred_by = ${ada.personId} where id = ${bob.personId}`)
  expect((await as(ada).get('/me/referrals')).body).toEqual({ count: 1 })
})

describe('the members of an engagement', () => {
  test('are shown to members by their names, the first first', async () => {
    const { ada, bob, hers, his, engagement } = await two()
    for (const address of [engagement.id, engagement.number, engagement.number.toLowerCase(), engagement.id.toUpperCase()]) {
      const { body } = await as(bob).get(`/engagements/${address}/members`)
      expect(body.items.toSorted((a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name))).toMatchObject([
        { id: hers, principal: { kind: 'person', id: ada.personId }, name: 'Ada', designations: ['operator'], commit_authority: true, active: true },
        { id: his, principal: { kind: 'person', id: bob.personId }, name: 'Bob', designations: ['contributor'], commit_authority: false, active: true },
      ])
    }
  })

  test('are not shown to strangers, and no address is no engagement', async () => {
    const { at } = await two()
    const eve = await person('Eve')
    expect(await as(eve).get(at)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await as(eve).get('/engagements/E9999/members')).toMatchObject({ status: 404 })
    expect(await as(eve).get('/engagements/nonsense/members')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect((await bench.ask('GET', at)).status).toBe(401)
  })

  test('of the commons are myself alone, and of my personal engagement too', async () => {
    const ada = await person()
    expect((await as(ada).get('/engagements/E0002/members')).body.items).toMatchObject([{ principal: { id: ada.personId }, designations: ['contributor'] }])
    expect((await as(ada).get('/engagements/me/members')).body.items).toMatchObject([{ principal: { id: ada.personId }, designations: ['operator'] }])
  })
})

describe('a designation', () => {
  test('is given by an operator, once, and told', async () => {
    const { ada, bob, his, at } = await two()
    for (const _ of ['once', 'again'])
      expect(await as(ada).put(`${at}/${his}/designations/domain_expert`)).toMatchObject({
        status: 200,
        body: { id: his, designations: ['contributor', 'domain_expert'], commit_authority: false },
      })
    expect(await bench.told('MembershipChanged', bob.personId)).toMatchObject([
      { data: { membershipId: his, designations: ['contributor', 'domain_expert'], revision: 2, by: { kind: 'person', id: ada.personId } } },
    ])
  })

  test('of an operator needs a fresh passkey', async () => {
    const { ada, his, at } = await two()
    clock.advance(300_000)
    expect(await as(ada).put(`${at}/${his}/designations/operator`)).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
    expect((await as(ada).put(`${at}/${his}/designations/domain_expert`)).status).toBe(200)
  })

  test('is taken again, also when it is gone already; the last one stays, and the last operator', async () => {
    const { ada, hers, his, at } = await two()
    expect(await as(ada).delete(`${at}/${his}/designations/contributor`)).toMatchObject({ status: 409, body: { code: 'membership.last_designation' } })
    expect(await as(ada).delete(`${at}/${hers}/designations/operator`)).toMatchObject({ status: 409, body: { code: 'membership.last_operator' } })
    await as(ada).put(`${at}/${his}/designations/operator`)
    for (const _ of ['once', 'again']) expect((await as(ada).delete(`${at}/${his}/designations/contributor`)).status).toBe(204)
    await as(ada).put(`${at}/${hers}/designations/contributor`)
    expect((await as(ada).delete(`${at}/${hers}/designations/operator`)).status).toBe(204)
    expect(await as(ada).put(`${at}/${hers}/designations/operator`)).toMatchObject({ status: 403, body: { code: 'membership.operator_required' } })
  })

  test('is none of another word, and of nobody who is not there', async () => {
    const { ada, his, at } = await two()
    expect(await as(ada).put(`${at}/${his}/designations/king`)).toMatchObject({ status: 422 })
    expect(await as(ada).put(`${at}/${newId()}/designations/operator`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    const other = await two()
    expect(await as(ada).put(`${at}/${other.his}/designations/contributor`)).toMatchObject({ status: 404 })
  })
})

describe('commit authority', () => {
  test('is a flag that an operator sets with a fresh passkey', async () => {
    const { ada, bob, his, at } = await two()
    const set = (value: unknown) => as(ada).put(`${at}/${his}/commit-authority`, { value })
    for (const _ of ['once', 'again']) expect(await set(true)).toMatchObject({ status: 200, body: { commit_authority: true } })
    expect(await set(false)).toMatchObject({ status: 200, body: { commit_authority: false } })
    expect(await set('yes')).toMatchObject({ status: 422 })
    expect((await bench.told('MembershipChanged', bob.personId)).map(({ data }) => [data.commitAuthority, data.revision])).toEqual([
      [true, 2],
      [false, 3],
    ])
    clock.advance(300_000)
    expect(await set(true)).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
  })
})

describe('a member', () => {
  test('is removed by an operator, softly; the same again changes nothing', async () => {
    const { ada, bob, his, at } = await two()
    for (const _ of ['once', 'again']) expect((await as(ada).delete(`${at}/${his}`)).status).toBe(204)
    expect((await as(bob).get(at)).status).toBe(404)
    expect(await bench.told('MembershipRevoked', bob.personId)).toMatchObject([
      { data: { membershipId: his, designations: ['contributor'], reason: 'removed', revision: 2, by: { kind: 'person', id: ada.personId } } },
    ])
    expect(await as(ada).put(`${at}/${his}/designations/contributor`)).toMatchObject({ status: 409, body: { code: 'membership.ended' } })
    expect(await as(ada).put(`${at}/${his}/commit-authority`, { value: true })).toMatchObject({ status: 409, body: { code: 'membership.ended' } })
    expect(await as(ada).delete(`${at}/${his}/designations/contributor`)).toMatchObject({ status: 409, body: { code: 'membership.ended' } })
  })

  test('leaves, and comes back with the same number', async () => {
    const { bob, engagement, his, at } = await two()
    expect((await as(bob).delete(`${at}/${his}`)).status).toBe(204)
    expect(await bench.told('MembershipRevoked', bob.personId)).toMatchObject([{ data: { reason: 'left', operatorSequenceNumber: 3 } }])
    expect(await memberOf(bench, engagement, bob, ['domain_expert'])).toBe(his)
    expect((await bench.told('MembershipGranted', bob.personId)).at(-1)).toMatchObject({
      data: { membershipId: his, designations: ['domain_expert'], operatorSequenceNumber: 3, revision: 3 },
    })
  })

  test('who is no operator removes nobody else', async () => {
    const { bob, hers, his, at } = await two()
    expect(await as(bob).delete(`${at}/${hers}`)).toMatchObject({ status: 403, body: { code: 'membership.operator_required' } })
    expect(await as(bob).put(`${at}/${his}/designations/operator`)).toMatchObject({ status: 403, body: { code: 'membership.operator_required' } })
    expect(await as(bob).delete(`${at}/${hers}/designations/operator`)).toMatchObject({ status: 403, body: { code: 'membership.operator_required' } })
    expect(await as(bob).put(`${at}/${his}/commit-authority`, { value: true })).toMatchObject({ status: 403, body: { code: 'membership.operator_required' } })
  })

  test('the last operator leaves only what is archived', async () => {
    const { ada, hers, at, engagement } = await two()
    expect(await as(ada).delete(`${at}/${hers}`)).toMatchObject({ status: 409, body: { code: 'membership.last_operator' } })
    await archived(bench, engagement)
    expect((await as(ada).delete(`${at}/${hers}`)).status).toBe(204)
  })

  test('who is being erased counts as no operator any more', async () => {
    const { ada, bob, hers, his, at } = await two()
    await as(ada).put(`${at}/${his}/designations/operator`)
    await exec(bench.db, sql`update identity.persons set state = 'erasing' where id = ${bob.personId}`)
    expect(await as(ada).delete(`${at}/${hers}`)).toMatchObject({ status: 409, body: { code: 'membership.last_operator' } })
  })

  test('ID-INV-13: of a personal engagement is seen by nobody else, whatever their role', async () => {
    const [ada, admin] = [await person(), await person()]
    const by = '{"kind":"service","id":"operator"}'
    for (const role of ['admin', 'ops', 'auditor', 'support'])
      await exec(bench.db, sql`insert into identity.person_roles (person_id, role, granted_by) values (${admin.personId}, ${role}, ${by})`)
    const at = `/engagements/${ada.answer.body.personal_engagement_id}`
    for (const path of ['members', 'invitations', 'agents'])
      expect(await as(admin).get(`${at}/${path}`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('ID-INV-4: of a personal engagement is one for ever', async () => {
    const ada = await person()
    const own = ada.answer.body.personal_engagement_id
    const at = `/engagements/me/members/${membership(own, ada)}`
    const fixed = { status: 409, body: { code: 'membership.personal_fixed' } }
    expect(await as(ada).delete(at)).toMatchObject(fixed)
    expect(await as(ada).put(`${at}/designations/contributor`)).toMatchObject(fixed)
    expect(await as(ada).delete(`${at}/designations/operator`)).toMatchObject(fixed)
    expect(await as(ada).put(`${at}/commit-authority`, { value: true })).toMatchObject(fixed)
  })

  test('of the commons is so because they are here', async () => {
    const ada = await person()
    const at = `/engagements/E0002/members/${membership(COMMONS, ada)}`
    const automatic = { status: 409, body: { code: 'membership.automatic' } }
    expect(await as(ada).delete(at)).toMatchObject(automatic)
    await operatorGrant(bench.db, 'E2', ada.personId)
    expect(await as(ada).put(`${at}/designations/domain_expert`)).toMatchObject(automatic)
    expect(await as(ada).delete(`${at}/designations/contributor`)).toMatchObject(automatic)
    expect(await as(ada).put(`${at}/commit-authority`, { value: true })).toMatchObject(automatic)
  })
})

describe('of changes at once', () => {
  test('ID-INV-5: fifty grants to one person give the numbers 1 to 50 and the next ones, without a gap', async () => {
    const [ada, opener] = [await person(), await person()]
    const engagements = await Promise.all(Array.from({ length: 50 }, () => openedBy(bench, opener)))
    await Promise.all(engagements.map((each) => memberOf(bench, each, ada)))
    const rows = await many(
      bench.db,
      z.object({ n: z.int() }),
      sql`select operator_sequence_number as n from identity.memberships where principal_id = ${ada.personId} order by 1`,
    )
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 52 }, (_, n) => n + 1))
    const revisions = (await bench.told(/^(Membership|Person|Credential)/, ada.personId)).map(({ revision }) => revision)
    expect(revisions).toEqual(revisions.map((_, n) => n + 1))
  })

  test('ID-INV-6: of two operators who leave at once one stays', async () => {
    for (let round = 0; round < 10; round++) {
      const { ada, bob, hers, his, at } = await two()
      await as(ada).put(`${at}/${his}/designations/operator`)
      const answers = await Promise.all([as(ada).delete(`${at}/${hers}`), as(bob).delete(`${at}/${his}`)])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 409])
      const stayed = answers[0]?.status === 409 ? ada : bob
      expect((await as(stayed).get(at)).body.items.filter(isOperator)).toHaveLength(1)
    }
  })

  test('ID-INV-5, ID-INV-6: whatever three people do to each other at once, somebody runs it, nobody is deleted, and numbers stay', async () => {
    const seed = Number(process.env.SEED ?? Math.trunc(Math.random() * 2 ** 31))
    const people = await Promise.all(['Ada', 'Bob', 'Carol'].map((name) => person(name)))
    const [ada, bob, carol] = people as [SignedUp, SignedUp, SignedUp]
    const engagement = await openedBy(bench, ada)
    for (const who of [bob, carol]) await memberOf(bench, engagement, who, ['operator'])
    const members = people.map((who) => `/engagements/${engagement.id}/members/${membership(engagement.id, who)}`)
    const act = fc.record({
      by: fc.nat(2),
      on: fc.nat(2),
      verb: fc.constantFrom('leave', 'demote', 'promote', 'contribute', 'return'),
    })
    for (const round of fc.sample(fc.array(act, { minLength: 4, maxLength: 8 }), { numRuns: 12, seed })) {
      const answers = await Promise.all(
        round.map(({ by, on, verb }) => {
          const [who, at] = [as(people[by] as SignedUp), members[on] ?? '']
          if (verb === 'leave') return who.delete(at)
          if (verb === 'demote') return who.delete(`${at}/designations/operator`)
          if (verb === 'promote') return who.put(`${at}/designations/operator`)
          if (verb === 'contribute') return who.put(`${at}/designations/contributor`)
          return memberOf(bench, engagement, people[on] as SignedUp, ['contributor']).then(
            () => ({ status: 200 }),
            () => ({ status: 409 }),
          )
        }),
      )
      for (const { status } of answers) expect([200, 204, 403, 404, 409], `seed ${seed}`).toContain(status)
      const rows = await many(
        bench.db,
        z.object({ number: z.int(), operator: z.boolean(), designated: z.boolean(), active: z.boolean() }),
        sql`select m.operator_sequence_number as number, m.active,
                   exists (select from identity.membership_designations d where d.membership_id = m.id and d.active and d.designation = 'operator') as operator,
                   exists (select from identity.membership_designations d where d.membership_id = m.id and d.active) as designated
              from identity.memberships m
             where m.engagement_id = ${engagement.id}`,
      )
      expect(
        rows.map(({ number }) => number),
        `seed ${seed}`,
      ).toEqual([3, 3, 3])
      expect(
        rows.some(({ active, operator }) => active && operator),
        `seed ${seed}`,
      ).toBe(true)
      for (const { active, designated } of rows) expect(designated, `seed ${seed}`).toBe(active)
    }
  })
})
