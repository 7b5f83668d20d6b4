// Agents and the tokens they act with, from their creation to their end.
import { PREAPPROVAL_AGENT } from '@loomworks/contracts'
import { newId, timeOf, tokenHash } from '@loomworks/kernel'
import { type Itk, tokenVerifier } from '@loomworks/service-kit'
import { exec, many, one, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { memberOf, type Opened, openedBy, somebody, twiceAtOnce } from '../belonging-story.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import type { SignedUp } from '../signing-up.ts'

const clock = fakeClock()
const DAY_MS = 86_400_000
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

const create = ({ session }: SignedUp, at: string, body: object = {}) =>
  bench.ask('POST', `/engagements/${at}/agents`, { session, body: { name: 'Scribe', purpose: 'Writes down what was said.', ...body } })
const ask = ({ session }: SignedUp, method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
  bench.ask(method, path, { session, ...(body !== undefined && { body }) })
const give = (who: SignedUp, agent: string, body: object = { scopes: ['memory.read', 'memory.write'] }) => ask(who, 'POST', `/agents/${agent}/tokens`, body)
const introspect = async (token: string, audience = 'memory') =>
  (await bench.internal('gateway', 'POST', '/internal/introspect', { credentialHash: tokenHash(token), audience }, true)).body
const keys = async () => (await bench.internal('memory', 'GET', '/internal/keys', undefined, true)).body
const claimsIn = (token: string): Promise<Itk> => tokenVerifier('memory', keys, () => clock.now()).verify(token)

interface Acting {
  readonly ada: SignedUp
  readonly engagement: Opened
  readonly agent: string
  readonly token: string
  readonly tokenId: string
}

/** An agent of Ada's with a token. */
async function acting(): Promise<Acting> {
  const ada = await somebody(bench, 'Ada')
  const engagement = await openedBy(bench, ada)
  const { body } = await create(ada, engagement.id)
  const given = await give(ada, body.id)
  return { ada, engagement, agent: body.id, token: given.body.token, tokenId: given.body.id }
}

const refused = { active: false, code: 'token_refused' }

describe('an agent', () => {
  test('is created by an operator who answers for it; it is a contributor without a number', async () => {
    const ada = await somebody(bench, 'Ada')
    const { id } = await openedBy(bench, ada)
    const { status, body } = await create(ada, id, { instruction_version: 3 })
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { engagement: id, name: 'Scribe', purpose: 'Writes down what was said.', instruction_version: 3, state: 'active', sponsor: ada.personId },
    })
    expect(await bench.told(/./, body.id)).toMatchObject([
      { type: 'AgentChanged', data: { agentId: body.id, engagementId: id, instructionVersion: 3, sponsorId: ada.personId, state: 'active' } },
      {
        type: 'MembershipGranted',
        data: { principal: { kind: 'agent', id: body.id }, engagementId: id, designations: ['contributor'], commitAuthority: false },
      },
    ])
    const { items } = (await ask(ada, 'GET', `/engagements/${id}/members`)).body
    const member = items.find(({ principal }: { principal: { id: string } }) => principal.id === body.id)
    expect(member).toMatchObject({ principal: { kind: 'agent' }, name: 'Scribe', designations: ['contributor'] })
    expect((await ask(ada, 'GET', `/engagements/${id}/agents`)).body).toEqual({ items: [body], next_cursor: null })
    for (const [method, path, sent] of [
      ['PUT', '/designations/operator', undefined],
      ['DELETE', '/designations/contributor', undefined],
      ['PUT', '/commit-authority', { value: true }],
      ['DELETE', '', undefined],
    ] as const)
      expect(await bench.ask(method, `/engagements/${id}/members/${member.id}${path}`, { session: ada.session, ...(sent && { body: sent }) })).toMatchObject({
        status: 409,
        body: { code: 'membership.agent_fixed' },
      })
  })

  test('has a name that no other has there, whatever its case, until it ends', async () => {
    const { ada, engagement, agent } = await acting()
    const taken = { status: 409, body: { code: 'agent.name_taken' } }
    expect(await create(ada, engagement.id, { name: ' SCRIBE ' })).toMatchObject(taken)
    const other = await create(ada, engagement.id, { name: 'Clerk' })
    expect(await ask(ada, 'PATCH', `/agents/${other.body.id}`, { name: 'scribe' })).toMatchObject(taken)
    await ask(ada, 'DELETE', `/agents/${agent}`)
    expect((await create(ada, engagement.id)).status).toBe(201)
  })

  test('is named anew without a word, and told of when its instruction or its state is another', async () => {
    const { ada, agent } = await acting()
    const change = (body: object) => ask(ada, 'PATCH', `/agents/${agent}`, body)
    expect(await change({ name: 'Clerk', purpose: 'Counts.' })).toMatchObject({ status: 200, body: { name: 'Clerk', purpose: 'Counts.' } })
    expect(await change({ instruction_version: 2, state: 'disabled' })).toMatchObject({ status: 200, body: { instruction_version: 2, state: 'disabled' } })
    expect(await change({ state: 'active' })).toMatchObject({ status: 200, body: { state: 'active' } })
    const told = await bench.told('AgentChanged', agent)
    expect(told.map(({ data }) => [data.instructionVersion, data.state])).toEqual([
      [1, 'active'],
      [2, 'disabled'],
      [2, 'active'],
    ])
    expect(JSON.stringify(told)).not.toMatch(/Clerk|Counts/)
    for (const body of [{}, { instruction_version: 1 }, { state: 'retired' }, { name: '' }, { sponsor: ada.personId }])
      expect(await change(body)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })

  test('ends for ever, with its tokens and its membership; twice is once', async () => {
    const { ada, agent, token, tokenId } = await acting()
    for (const _ of ['once', 'again']) expect((await ask(ada, 'DELETE', `/agents/${agent}`)).status).toBe(204)
    expect(await introspect(token)).toEqual(refused)
    expect((await bench.told(/./, agent)).slice(3)).toMatchObject([
      { type: 'AgentTokenRevoked', data: { tokenId, reason: 'agent_retired' } },
      { type: 'AgentChanged', data: { state: 'retired' } },
      { type: 'MembershipRevoked', data: { reason: 'agent_retired', revision: 2 } },
    ])
    const retired = { status: 409, body: { code: 'agent.retired' } }
    expect(await ask(ada, 'PATCH', `/agents/${agent}`, { name: 'Ghost' })).toMatchObject(retired)
    expect(await ask(ada, 'POST', `/agents/${agent}/sponsor`)).toMatchObject(retired)
    expect(await give(ada, agent)).toMatchObject(retired)
  })

  test('is for operators alone: a contributor may not, and for a stranger it is not there', async () => {
    const { engagement, agent, tokenId } = await acting()
    const [bob, eve] = [await somebody(bench), await somebody(bench)]
    await memberOf(bench, engagement, bob)
    for (const [who, status, code] of [
      [bob, 403, 'membership.operator_required'],
      [eve, 404, 'not_found'],
    ] as const) {
      const answers = [
        await create(who, engagement.id),
        await ask(who, 'GET', `/engagements/${engagement.id}/agents`),
        await ask(who, 'PATCH', `/agents/${agent}`, { name: 'x' }),
        await ask(who, 'DELETE', `/agents/${agent}`),
        await ask(who, 'POST', `/agents/${agent}/sponsor`),
        await give(who, agent),
        await ask(who, 'GET', `/agents/${agent}/tokens`),
        await ask(who, 'DELETE', `/agents/${agent}/tokens/${tokenId}`),
      ]
      for (const answer of answers) expect(answer).toMatchObject({ status, body: { code } })
    }
  })

  test('of the system is nobody’s to change', async () => {
    const ada = await somebody(bench)
    for (const id of [PREAPPROVAL_AGENT.id, newId()]) {
      expect(await ask(ada, 'PATCH', `/agents/${id}`, { name: 'x' })).toMatchObject({ status: 404, body: { code: 'not_found' } })
      expect(await give(ada, id)).toMatchObject({ status: 404 })
    }
  })

  test('is none in a personal engagement and none in the commons', async () => {
    const ada = await somebody(bench)
    expect(await create(ada, 'me')).toMatchObject({ status: 409, body: { code: 'membership.personal_fixed' } })
    expect(await create(ada, 'E0002')).toMatchObject({ status: 409, body: { code: 'membership.automatic' } })
    expect(await ask(ada, 'GET', '/engagements/me/agents')).toMatchObject({ status: 409, body: { code: 'membership.personal_fixed' } })
    expect(await ask(ada, 'GET', '/engagements/E2/agents')).toMatchObject({ status: 409, body: { code: 'membership.automatic' } })
  })

  test('is one of a hundred at most', async () => {
    const { ada, engagement } = await acting()
    await exec(
      bench.db,
      sql`insert into identity.agents (id, engagement_id, name, purpose, instruction_version, state, sponsor_person_id, created_at)
          select gen_random_uuid(), ${engagement.id}, 'n' || n, 'p', 1, 'active', ${ada.personId}, ${timeOf(clock.now())} from generate_series(1, 99) n`,
    )
    expect(await create(ada, engagement.id, { name: 'One more' })).toMatchObject({ status: 409, body: { code: 'agent.limit' } })
    const first = (await ask(ada, 'GET', `/engagements/${engagement.id}/agents?limit=60`)).body
    expect((await ask(ada, 'GET', `/engagements/${engagement.id}/agents?limit=60&cursor=${first.next_cursor}`)).body.items).toHaveLength(40)
  })
})

describe('a token', () => {
  test('is shown once, kept as a hash, and opens the agent with what it was given', async () => {
    const { ada, engagement, agent } = await acting()
    const { status, body } = await give(ada, agent, { scopes: ['memory.read', 'memory.commit'], expires_in_days: 1 })
    expect({ status, body }).toMatchObject({ status: 201, body: { token: expect.stringMatching(/^lwa_[A-Za-z0-9_-]{43}_[0-9a-f]{6}$/) } })
    expect(body.token.startsWith(body.prefix)).toBe(true)
    expect(Date.parse(body.expires_at)).toBe(clock.now() + DAY_MS)
    const opens = await introspect(body.token)
    expect(opens).toMatchObject({ active: true, rateClass: 'agent' })
    const claims = await claimsIn(opens.token)
    expect(claims).toMatchObject({
      sub: agent,
      act: { kind: 'agent', id: agent, instructionVersion: 1 },
      scope: 'memory.read memory.commit',
      engagement: engagement.id,
      sponsor: ada.personId,
    })
    for (const absent of ['sid', 'account', 'roles', 'step_up']) expect(claims).not.toHaveProperty(absent)
    const rows = await many(bench.db, z.object({ row: z.string() }), sql`select to_jsonb(t)::text as row from identity.agent_tokens t where id = ${body.id}`)
    expect(rows[0]?.row).not.toContain(body.token.slice('lwa_'.length, -'_123456'.length))
    expect((await bench.told('AgentTokenIssued', agent)).at(-1)).toMatchObject({ data: { tokenId: body.id, scopes: ['memory.read', 'memory.commit'] } })
    const listed = (await ask(ada, 'GET', `/agents/${agent}/tokens`)).body.items
    expect(listed.find(({ id }: { id: string }) => id === body.id)).toMatchObject({ prefix: body.prefix, last_used_at: expect.any(String), revoked_at: null })
    expect(JSON.stringify(listed)).not.toContain(body.token)
  })

  test('is one for its Idempotency-Key: asked again, it is told again without what opens', async () => {
    const { ada, agent } = await acting()
    const once = (days: number) =>
      bench.ask('POST', `/agents/${agent}/tokens`, {
        session: ada.session,
        body: { scopes: ['memory.read'], expires_in_days: days },
        headers: { 'idempotency-key': 'one' },
      })
    const { token, ...kept } = (await once(5)).body
    expect(await introspect(token)).toMatchObject({ active: true })
    const again = await once(5)
    expect([again.status, again.body, again.headers['idempotency-replayed']]).toEqual([201, kept, 'true'])
    expect(await once(6)).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } })
    expect((await ask(ada, 'GET', `/agents/${agent}/tokens`)).body.items).toHaveLength(2)
  })

  test('asked for twice at once under one Idempotency-Key is one; who comes second is told to come again', async () => {
    const { ada, agent } = await acting()
    const once = () =>
      bench.ask('POST', `/agents/${agent}/tokens`, { session: ada.session, body: { scopes: ['memory.read'] }, headers: { 'idempotency-key': 'twice' } })
    const [busy, made] = await twiceAtOnce(bench, 'agent_tokens', once)
    expect(busy).toMatchObject({ status: 409, body: { code: 'idempotency.in_flight' }, headers: { 'retry-after': '1' } })
    expect(made).toMatchObject({ status: 201, body: { token: expect.any(String) } })
  })

  test('carries the instruction of now', async () => {
    const { ada, agent, token } = await acting()
    await ask(ada, 'PATCH', `/agents/${agent}`, { instruction_version: 7 })
    expect((await claimsIn((await introspect(token)).token)).act).toEqual({ kind: 'agent', id: agent, instructionVersion: 7 })
  })

  test('that may commit needs a fresh passkey', async () => {
    const { ada, agent } = await acting()
    clock.advance(300_000)
    expect(await give(ada, agent, { scopes: ['memory.commit'] })).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
    expect((await give(ada, agent)).status).toBe(201)
  })

  test.each([['account.read'], ['memory.erase'], ['engagement.manage'], ['saga.read'], ['admin.persons']])('is never good for %s', async (scope) => {
    const { ada, agent } = await acting()
    expect(await give(ada, agent, { scopes: ['memory.read', scope] })).toMatchObject({ status: 422, body: { code: 'agent.scope_not_grantable' } })
  })

  test.each([
    ['no scope', { scopes: [] }],
    ['a scope that is none', { scopes: ['memory.king'] }],
    ['the same scope twice', { scopes: ['memory.read', 'memory.read'] }],
    ['a life of 0 days', { scopes: ['memory.read'], expires_in_days: 0 }],
    ['a life of 366 days', { scopes: ['memory.read'], expires_in_days: 366 }],
  ])('has not %s', async (_what, body) => {
    const { ada, agent } = await acting()
    expect(await give(ada, agent, body)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })

  test('is one of ten live ones, however many are asked for at once', async () => {
    const { ada, agent, tokenId } = await acting()
    const answers = await Promise.all(Array.from({ length: 15 }, () => give(ada, agent)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(9)
    expect(answers.find(({ status }) => status !== 201)).toMatchObject({ status: 409, body: { code: 'agent.token_limit' } })
    await ask(ada, 'DELETE', `/agents/${agent}/tokens/${tokenId}`)
    expect((await give(ada, agent)).status).toBe(201)
  })

  test('opens nothing once it is revoked, and is told once', async () => {
    const { ada, agent, token, tokenId } = await acting()
    for (const _ of ['once', 'again']) expect((await ask(ada, 'DELETE', `/agents/${agent}/tokens/${tokenId}`)).status).toBe(204)
    expect(await introspect(token)).toEqual(refused)
    expect(await bench.told('AgentTokenRevoked', agent)).toMatchObject([{ data: { agentId: agent, tokenId, reason: 'revoked' } }])
    expect(await ask(ada, 'DELETE', `/agents/${agent}/tokens/${newId()}`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('opens nothing once it has expired', async () => {
    const { ada, agent } = await acting()
    const { body } = await give(ada, agent, { scopes: ['memory.read'], expires_in_days: 1 })
    clock.advance(DAY_MS - 30_000)
    const opens = await introspect(body.token)
    // Internal tokens end on whole seconds.
    expect(Date.parse(opens.expiresAt)).toBeLessThan(Date.parse(body.expires_at) + 1000)
    clock.advance(30_000)
    expect(await introspect(body.token)).toEqual(refused)
  })

  test('opens nothing while its agent rests', async () => {
    const { ada, agent, token } = await acting()
    await ask(ada, 'PATCH', `/agents/${agent}`, { state: 'disabled' })
    expect(await introspect(token)).toEqual(refused)
    await ask(ada, 'PATCH', `/agents/${agent}`, { state: 'active' })
    expect(await introspect(token)).toMatchObject({ active: true })
  })

  test.each([
    ['locked', sql`state = 'locked'`],
    ['being erased', sql`state = 'erasing'`],
    ['erased', sql`state = 'erased'`],
    ['suspended', sql`account_status = 'suspended'`],
  ])('opens nothing while who answers for it is %s', async (_how, values) => {
    const { ada, token } = await acting()
    await exec(bench.db, sql`update identity.persons set ${values} where id = ${ada.personId}`)
    expect(await introspect(token)).toEqual(refused)
    await exec(bench.db, sql`update identity.persons set state = 'active', account_status = 'active' where id = ${ada.personId}`)
    expect(await introspect(token)).toMatchObject({ active: true })
  })

  test.each([
    ['leaves', ''],
    ['is no operator any more', '/designations/operator'],
  ])('ends when who answers for it %s; whoever answers next gives new ones', async (_how, path) => {
    const { ada, engagement, agent, token, tokenId } = await acting()
    const bob = await somebody(bench)
    await memberOf(bench, engagement, bob, ['operator'])
    const { items } = (await ask(ada, 'GET', `/engagements/${engagement.id}/members`)).body
    const hers = items.find(({ principal }: { principal: { id: string } }) => principal.id === ada.personId).id
    await bench.ask('PUT', `/engagements/${engagement.id}/members/${hers}/designations/contributor`, { session: ada.session })
    expect((await ask(ada, 'DELETE', `/engagements/${engagement.id}/members/${hers}${path}`)).status).toBe(204)
    expect(await introspect(token)).toEqual(refused)
    expect(await bench.told('AgentTokenRevoked', agent)).toMatchObject([{ data: { tokenId, reason: 'sponsor_gone' } }])
    expect(await ask(bob, 'POST', `/agents/${agent}/sponsor`)).toMatchObject({ status: 200, body: { sponsor: bob.personId } })
    expect((await ask(bob, 'POST', `/agents/${agent}/sponsor`)).status).toBe(200)
    expect((await bench.told('AgentChanged', agent)).map(({ data }) => data.sponsorId)).toEqual([ada.personId, bob.personId])
    expect(await introspect((await give(bob, agent)).body.token)).toMatchObject({ active: true })
    const { live } = await one(
      bench.db,
      z.object({ live: z.int() }),
      sql`select count(*)::integer as live from identity.agent_tokens where agent_id = ${agent} and revoked_at is null`,
    )
    expect(live).toBe(1)
  })

  test('are listed page by page, and for who asks right', async () => {
    const { ada, agent } = await acting()
    await give(ada, agent)
    const list = (query: string) => ask(ada, 'GET', `/agents/${agent}/tokens${query}`)
    const first = (await list('?limit=1')).body
    expect((await list(`?limit=1&cursor=${first.next_cursor}`)).body).toMatchObject({ items: [{}], next_cursor: null })
    expect(await list('?limit=0')).toMatchObject({ status: 422 })
    expect(await ask(ada, 'GET', '/agents/x/tokens')).toMatchObject({ status: 422 })
  })
})
