import { timeOf } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { archived, memberOf, openedBy, somebody, twiceAtOnce } from '../belonging-story.ts'
import { forget } from '../forgetting.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { operatorGrant } from '../operators.ts'
import { type SignedUp, signedUp } from '../signing-up.ts'
import { sweepInvitations } from './queries.ts'

const clock = fakeClock()
const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

const person = (name?: string) => somebody(bench, name)
const emailOf = ({ answer }: SignedUp): string => answer.body.person.email
const invite = ({ session }: SignedUp, at: string, body: object = {}) =>
  bench.ask('POST', `/engagements/${at}/invitations`, { session, body: { designations: ['contributor'], ...body } })
const bring = (verb: 'accept' | 'decline', { session }: SignedUp, token: unknown) => bench.ask('POST', `/invitations/${verb}`, { session, body: { token } })
const accept = (who: SignedUp, token: unknown) => bring('accept', who, token)

/** An operator, their engagement, and an invitation to it. */
async function invited(body: object = {}) {
  const ada = await person('Ada')
  const { id } = await openedBy(bench, ada)
  const { status, body: invitation } = await invite(ada, id, body)
  expect(status).toBe(201)
  return { ada, id, invitation, token: String(invitation.token), at: `/engagements/${id}/invitations/${invitation.id}` }
}

const stateOf = async (id: string) =>
  one(
    bench.db,
    z.object({ state: z.string(), email: z.string().nullable() }),
    sql`select state, email_lookup as email from identity.invitations where id = ${id}`,
  )

describe('an invitation', () => {
  test('shows its token once; what is kept is a hash', async () => {
    const { ada, id, invitation, token } = await invited({ email: ' Bob@Example.org' })
    expect(invitation).toMatchObject({
      engagement: id,
      email: 'bob@example.org',
      designations: ['contributor'],
      invited_by: ada.personId,
      state: 'open',
      token: expect.stringMatching(/^lwi_[A-Za-z0-9_-]{43}_[0-9a-f]{6}$/),
    })
    expect(Date.parse(invitation.expires_at) - Date.parse(invitation.created_at)).toBe(WEEK_MS)
    const { token: _token, ...shown } = invitation
    const listed = await bench.ask('GET', `/engagements/${id}/invitations`, { session: ada.session })
    expect(listed.body).toEqual({ items: [shown], next_cursor: null })
    const rows = await many(
      bench.db,
      z.object({ row: z.string() }),
      sql`select to_jsonb(i)::text as row from identity.invitations i where id = ${invitation.id}`,
    )
    expect(rows[0]?.row).not.toContain(token.slice('lwi_'.length, -'_123456'.length))
  })

  test('is for any address that somebody can sign up with, however it is typed', async () => {
    const { ada, id, invitation, token } = await invited({ email: ' Zoë@Exämple.org ' })
    expect(invitation).toMatchObject({ email: 'zoë@exämple.org' })
    const zoe = await signedUp(bench, { email: 'zoë@exämple.org', displayName: 'Zoë' })
    expect(await accept(zoe, token)).toMatchObject({ status: 200, body: { membership: { name: 'Zoë' } } })
    for (const email of ['nobody', 'a b@example.org', `${'x'.repeat(250)}@example.org`])
      expect(await invite(ada, id, { email }), email).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })

  test('under one Idempotency-Key is one: asked again, it is told again without its token and address, which nothing keeps', async () => {
    const ada = await person('Ada')
    const { id } = await openedBy(bench, ada)
    const ask = (body: object) =>
      bench.ask('POST', `/engagements/${id}/invitations`, {
        session: ada.session,
        body: { designations: ['contributor'], ...body },
        headers: { 'idempotency-key': 'one' },
      })
    const first = await ask({ email: 'bob@example.org' })
    const { token, email, ...kept } = first.body
    expect([first.status, email]).toEqual([201, 'bob@example.org'])
    const again = await ask({ email: 'bob@example.org' })
    expect([again.status, again.body]).toEqual([201, kept])
    expect(await ask({ email: 'eve@example.org' })).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } })
    const rows = await many(bench.db, z.object({ row: z.string() }), sql`select to_jsonb(k)::text as row from identity.idempotency_key k`)
    expect(rows).toHaveLength(1)
    for (const secret of [token, 'bob@example.org']) expect(rows[0]?.row).not.toContain(secret)
    const listed = await bench.ask('GET', `/engagements/${id}/invitations`, { session: ada.session })
    expect(listed.body.items).toHaveLength(1)
  })

  test('asked for twice at once under one Idempotency-Key is one; who comes second is told to come again', async () => {
    const ada = await person('Ada')
    const { id } = await openedBy(bench, ada)
    const body = { designations: ['contributor'] }
    const ask = () => bench.ask('POST', `/engagements/${id}/invitations`, { session: ada.session, body, headers: { 'idempotency-key': 'twice' } })
    const [busy, made] = await twiceAtOnce(bench, 'invitations', ask)
    expect(busy).toMatchObject({ status: 409, body: { code: 'idempotency.in_flight' }, headers: { 'retry-after': '1' } })
    expect(made).toMatchObject({ status: 201, body: { token: expect.any(String) } })
    expect(await ask()).toMatchObject({ status: 201, body: { id: made.body.id }, headers: { 'idempotency-replayed': 'true' } })
  })

  test('makes who says yes a member, and is told as given by who invited', async () => {
    const { ada, id, invitation, token } = await invited({ designations: ['contributor', 'domain_expert'] })
    const bob = await person('Bob')
    expect(await accept(bob, token)).toMatchObject({
      status: 200,
      body: { engagement: id, membership: { principal: { kind: 'person', id: bob.personId }, name: 'Bob', designations: ['contributor', 'domain_expert'] } },
    })
    expect((await bench.told('MembershipGranted', bob.personId)).at(-1)).toMatchObject({
      data: { engagementId: id, by: { kind: 'person', id: ada.personId }, operatorSequenceNumber: 3 },
    })
    expect(await stateOf(invitation.id)).toEqual({ state: 'accepted', email: null })
    expect(await accept(await person(), token)).toMatchObject({ status: 409, body: { code: 'invitation.already_accepted' } })
  })

  test('brought by fifty at once makes one member', async () => {
    const { id, token } = await invited()
    const people = await Promise.all(Array.from({ length: 10 }, () => person()))
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => accept(people[n % people.length] as SignedUp, token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers) if (status !== 200) expect([status, body.code]).toEqual([409, 'invitation.already_accepted'])
    const members = await many(bench.db, z.unknown(), sql`select from identity.memberships where engagement_id = ${id} and active`)
    expect(members).toHaveLength(2)
  })

  test('brings somebody back with the number they had', async () => {
    const { ada, id, token } = await invited()
    const bob = await person('Bob')
    const { body } = await accept(bob, token)
    await bench.ask('DELETE', `/engagements/${id}/members/${body.membership.id}`, { session: bob.session })
    const again = await invite(ada, id, { designations: ['domain_expert'] })
    expect(await accept(bob, again.body.token)).toMatchObject({
      status: 200,
      body: { membership: { id: body.membership.id, designations: ['domain_expert'] } },
    })
  })

  test('is of no use to a member, and stays open', async () => {
    const { ada, invitation, token } = await invited()
    expect(await accept(ada, token)).toMatchObject({ status: 409, body: { code: 'membership.exists' } })
    expect(await stateOf(invitation.id)).toMatchObject({ state: 'open' })
  })

  test('for an address is for who has it', async () => {
    const bob = await person('Bob')
    const { token, invitation } = await invited({ email: emailOf(bob).toUpperCase() })
    expect(await accept(await person('Eve'), token)).toMatchObject({ status: 403, body: { code: 'invitation.email_mismatch' } })
    expect((await accept(bob, token)).status).toBe(200)
    expect(await stateOf(invitation.id)).toEqual({ state: 'accepted', email: null })
  })

  test('is declined by who holds its token, and opens nothing any more', async () => {
    const { token, invitation } = await invited()
    const bob = await person()
    expect(await bring('decline', bob, token)).toMatchObject({ status: 200, body: { state: 'declined' } })
    expect(await stateOf(invitation.id)).toMatchObject({ state: 'declined' })
    for (const verb of ['accept', 'decline'] as const)
      expect(await bring(verb, bob, token)).toMatchObject({ status: 410, body: { code: 'invitation.declined' } })
  })

  test('is taken back by an operator; twice is once, and an accepted one is accepted', async () => {
    const { ada, at, token } = await invited()
    for (const _ of ['once', 'again']) expect((await bench.ask('DELETE', at, { session: ada.session })).status).toBe(204)
    const bob = await person()
    for (const verb of ['accept', 'decline'] as const)
      expect(await bring(verb, bob, token)).toMatchObject({ status: 410, body: { code: 'invitation.revoked' } })
    const other = await invited()
    await accept(bob, other.token)
    expect(await bench.ask('DELETE', other.at, { session: other.ada.session })).toMatchObject({ status: 409, body: { code: 'invitation.already_accepted' } })
    expect(await bring('decline', bob, other.token)).toMatchObject({ status: 409, body: { code: 'invitation.already_accepted' } })
  })

  test('expires after seven days, swept or not', async () => {
    const { invitation, token } = await invited({ email: 'late@example.org' })
    clock.advance(WEEK_MS)
    const [bob, eve] = [await person(), await person()]
    expect(await accept(bob, token)).toMatchObject({ status: 410, body: { code: 'invitation.expired' } })
    expect(await bring('decline', eve, token)).toMatchObject({ status: 410, body: { code: 'invitation.expired' } })
    expect(await stateOf(invitation.id)).toEqual({ state: 'open', email: 'late@example.org' })
    await sweepInvitations(bench.db, clock.now())
    expect(await stateOf(invitation.id)).toEqual({ state: 'expired', email: null })
    expect(await accept(bob, token)).toMatchObject({ status: 410, body: { code: 'invitation.expired' } })
  })

  test('that was settled is forgotten 90 days later, and no sooner; one that is open stays', async () => {
    const [declined, revoked, expired] = [await invited(), await invited(), await invited()]
    expect(await bring('decline', await person(), declined.token)).toMatchObject({ status: 200 })
    expect(await bench.ask('DELETE', revoked.at, { session: revoked.ada.session })).toMatchObject({ status: 204 })
    await exec(bench.db, sql`update identity.invitations set expires_at = ${timeOf(clock.now())} where id = ${expired.invitation.id}`)
    const begin = clock.now()
    await sweepInvitations(bench.db, begin)
    const open = await invited()
    await exec(bench.db, sql`update identity.invitations set expires_at = expires_at + interval '1 year' where id = ${open.invitation.id}`)
    const kept = async () => {
      const those = [declined, revoked, expired, open].map(({ invitation }) => String(invitation.id))
      const found = await many(bench.db, z.object({ id: z.string() }), sql`select id from identity.invitations where id = any(${those}::uuid[])`)
      return those.map((id) => found.some((each) => each.id === id))
    }
    await forget(bench.db, 'invitations', begin + 90 * DAY_MS)
    expect(await kept()).toEqual([true, true, true, true])
    await forget(bench.db, 'invitations', begin + 90 * DAY_MS + 1)
    expect(await kept()).toEqual([false, false, false, true])
    expect(await accept(await person(), declined.token)).toMatchObject({ status: 404, body: { code: 'invitation.token_unknown' } })
  })

  test('of somebody who is no operator any more gives nothing', async () => {
    const { ada, id, token } = await invited()
    const carol = await person('Carol')
    await memberOf(bench, { id: id, number: '' }, carol, ['operator'])
    const { items } = (await bench.ask('GET', `/engagements/${id}/members`, { session: carol.session })).body
    const hers = items.find(({ principal }: { principal: { id: string } }) => principal.id === ada.personId)
    await bench.ask('DELETE', `/engagements/${id}/members/${hers.id}`, { session: carol.session })
    expect(await accept(await person(), token)).toMatchObject({ status: 410, body: { code: 'invitation.revoked' } })
  })

  test('to what is archived lets somebody read', async () => {
    const { id, token } = await invited()
    await archived(bench, { id: id, number: '' })
    expect((await accept(await person(), token)).status).toBe(200)
  })
})

describe('who invites', () => {
  test('is an operator; a contributor may not, and for a stranger nothing is there', async () => {
    const { id, at, token } = await invited()
    const [bob, eve] = [await person('Bob'), await person('Eve')]
    await accept(bob, token)
    const list = `/engagements/${id}/invitations`
    for (const [who, status, code] of [
      [bob, 403, 'membership.operator_required'],
      [eve, 404, 'not_found'],
    ] as const) {
      expect(await invite(who, id)).toMatchObject({ status, body: { code } })
      expect(await bench.ask('GET', list, { session: who.session })).toMatchObject({ status, body: { code } })
      expect(await bench.ask('DELETE', at, { session: who.session })).toMatchObject({ status, body: { code } })
    }
  })

  test('proves it afresh to invite an operator', async () => {
    const { ada, id } = await invited()
    expect(await invite(ada, id, { designations: ['operator'] })).toMatchObject({ status: 201 })
    clock.advance(300_000)
    expect(await invite(ada, id, { designations: ['operator'] })).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
    expect((await invite(ada, id)).status).toBe(201)
  })

  test('invites nobody to a personal engagement, to the commons, or as operator of the administration', async () => {
    const ada = await person()
    await operatorGrant(bench.db, 'E1', ada.personId)
    for (const method of ['GET', 'POST'] as const) {
      const asked = { session: ada.session, ...(method === 'POST' && { body: { designations: ['contributor'] } }) }
      expect(await bench.ask(method, '/engagements/me/invitations', asked)).toMatchObject({ status: 409, body: { code: 'membership.personal_fixed' } })
      expect(await bench.ask(method, '/engagements/E0002/invitations', asked)).toMatchObject({ status: 409, body: { code: 'membership.automatic' } })
    }
    const other = `/invitations/${(await invited()).invitation.id}`
    expect(await bench.ask('DELETE', `/engagements/me${other}`, { session: ada.session })).toMatchObject({
      status: 409,
      body: { code: 'membership.personal_fixed' },
    })
    expect(await bench.ask('DELETE', `/engagements/E2${other}`, { session: ada.session })).toMatchObject({
      status: 409,
      body: { code: 'membership.automatic' },
    })
    expect(await invite(ada, 'E0001', { designations: ['operator'] })).toMatchObject({ status: 409, body: { code: 'membership.automatic' } })
    expect((await invite(ada, 'E0001')).status).toBe(201)
  })

  test('has a hundred open ones at most', async () => {
    const { ada, id } = await invited()
    const answers = await Promise.all(Array.from({ length: 101 }, () => invite(ada, id)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(99)
    expect(answers.find(({ status }) => status !== 201)).toMatchObject({ status: 409, body: { code: 'invitation.limit' } })
  })

  test('sees them page by page, newest first', async () => {
    const { ada, id, invitation } = await invited()
    clock.advance(1000)
    const { body } = await invite(ada, id)
    const list = (query: string) => bench.ask('GET', `/engagements/${id}/invitations${query}`, { session: ada.session })
    const first = (await list('?limit=1')).body
    expect(first.items.map((each: { id: string }) => each.id)).toEqual([body.id])
    expect((await list(`?limit=1&cursor=${first.next_cursor}`)).body).toMatchObject({ items: [{ id: invitation.id }], next_cursor: null })
    expect(await list('?limit=0')).toMatchObject({ status: 422 })
  })

  test.each([
    ['nobody at all', {}],
    ['a king', { designations: ['king'] }],
    ['the same twice', { designations: ['operator', 'operator'] }],
    ['no address', { designations: ['contributor'], email: 'x' }],
  ])('invites not %s', async (_what, body) => {
    const ada = await person()
    const { id } = await openedBy(bench, ada)
    expect(await bench.ask('POST', `/engagements/${id}/invitations`, { session: ada.session, body })).toMatchObject({
      status: 422,
      body: { code: 'invalid_body' },
    })
    const unknown = `/engagements/${id}/invitations/${id}`
    expect(await bench.ask('DELETE', unknown, { session: ada.session })).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
})

test('who brings tokens that nobody gave waits after ten', async () => {
  const eve = await person('Eve')
  for (let n = 0; n < 10; n++) expect(await accept(eve, `lwi_${n}`)).toMatchObject({ status: 404, body: { code: 'invitation.token_unknown' } })
  const { token } = await invited()
  for (const verb of ['accept', 'decline'] as const) expect(await bring(verb, eve, token)).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
  clock.advance(900_000)
  expect(await accept(eve, 7)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  expect((await accept(eve, token)).status).toBe(200)
  expect((await bench.ask('POST', '/invitations/accept', { body: { token } })).status).toBe(401)
})
