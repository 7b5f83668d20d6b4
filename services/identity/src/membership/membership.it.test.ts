// What other services ask: how persons are called, who belongs where.

import { PREAPPROVAL_AGENT, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { type Id, newId } from '@loomworks/kernel'
import { exec, sql } from '@loomworks/sql'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openedBy } from '../belonging-story.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { type SignedUp, signedUp, withFactors } from '../signing-up.ts'

let bench: IdentityBench
let ada: SignedUp
let bo: SignedUp
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
  ada = await signedUp(bench, { email: 'ada@example.org', displayName: 'Ada' })
  bo = await signedUp(bench, { email: 'bo@example.org', displayName: 'Bo' })
})
afterAll(() => bench[Symbol.asyncDispose]())

const names = (ids: unknown) => bench.internal('memory', 'POST', '/internal/persons:names', { ids })
const check = (principalId: string, engagementId: string) => bench.internal('memory', 'POST', '/internal/memberships:check', { principalId, engagementId })
const commons = WELL_KNOWN_ENGAGEMENTS.commons.id

describe('names', () => {
  test('come in the order of the ids, null for who is not known', async () => {
    const { status, body } = await names([bo.personId, newId(), ada.personId])
    expect(status).toBe(200)
    expect(body).toEqual([
      { displayName: 'Bo', signupDisplayName: 'Bo', companionName: 'Companion' },
      null,
      { displayName: 'Ada', signupDisplayName: 'Ada', companionName: 'Companion' },
    ])
  })

  test('of somebody erased are gone', async () => {
    const eve = await signedUp(bench, { email: 'eve@example.org' })
    await exec(bench.db, sql`update identity.persons set state = 'erased' where id = ${eve.personId}`)
    expect((await names([eve.personId])).body).toEqual([null])
  })

  test('of five hundred are given, of more not', async () => {
    expect((await names(Array.from({ length: 500 }, () => newId()))).status).toBe(200)
    expect(await names(Array.from({ length: 501 }, () => newId()))).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await names(['x'])).toMatchObject({ status: 422 })
  })
})

describe('a membership', () => {
  test('of oneself is found as `own`, and by the id of the engagement', async () => {
    const own = ada.answer.body.personal_engagement_id
    const found = { personalEngagementId: own, membershipId: expect.any(String), designations: ['operator'], commitAuthority: false, revision: 1 }
    expect((await check(ada.personId, 'own')).body).toEqual(found)
    expect((await check(ada.personId, own)).body).toEqual(found)
  })

  test('of the commons is a contributor’s', async () => {
    expect((await check(ada.personId, commons)).body).toMatchObject({
      designations: ['contributor'],
      personalEngagementId: ada.answer.body.personal_engagement_id,
    })
  })

  test('nobody has in a personal engagement of somebody else', async () => {
    expect(await check(bo.personId, ada.answer.body.personal_engagement_id)).toMatchObject({ status: 200, body: null })
    expect((await check(newId(), 'own')).body).toBeNull()
  })

  test('that ended is none', async () => {
    const eve = await signedUp(bench, { email: 'ended@example.org' })
    await exec(
      bench.db,
      sql`update identity.memberships set active = false, ended_at = now() where principal_id = ${eve.personId} and engagement_id = ${commons}`,
    )
    expect((await check(eve.personId, commons)).body).toBeNull()
  })

  test('is asked about by ids', async () => {
    expect(await check('x', 'own')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await check(ada.personId, 'mine')).toMatchObject({ status: 422 })
  })
})

describe('the snapshot', () => {
  const page = (query = '') => bench.internal('memory', 'GET', `/internal/snapshot${query}`)

  test('gives every membership once, page by page', async () => {
    await withFactors(bench, { email: 'nobody-yet@example.org' })
    const whole = await page()
    expect(whole.body.nextCursor).toBeNull()
    expect(whole.body.position).toMatch(/^[0-9]+$/)
    const own = whole.body.items.find(({ engagementId }: { engagementId: Id }) => engagementId === ada.answer.body.personal_engagement_id)
    expect(own).toMatchObject({
      principal: { kind: 'person', id: ada.personId },
      designations: ['operator'],
      operatorSequenceNumber: 1,
      active: true,
      revision: 1,
    })
    const paged: unknown[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const { body } = await page(`?limit=3${cursor === undefined ? '' : `&cursor=${cursor}`}`)
      paged.push(...body.items)
      cursor = body.nextCursor
    }
    expect(paged).toEqual(whole.body.items)
  })

  test('gives agents, persons as they stand, and settings, each once, page by page', async () => {
    const { id } = await openedBy(bench, ada)
    const agent = await bench.ask('POST', `/engagements/${id}/agents`, { session: ada.session, body: { name: 'Scribe', purpose: 'Writes.' } })
    await exec(
      bench.db,
      sql`insert into identity.settings (scope, scope_id, key, value, version, updated_by, updated_at)
          values ('person', ${ada.personId}, 'old.key', '7', 3, '{}', now()), ('person', ${bo.personId}, 'gone.key', null, 2, '{}', now())`,
    )
    const all = async (of: string): Promise<readonly Record<string, unknown>[]> => {
      const whole = (await page(`?of=${of}`)).body
      const paged: Record<string, unknown>[] = []
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const { body } = await page(`?of=${of}&limit=1${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
        paged.push(...body.items)
        cursor = body.nextCursor
      }
      expect(paged).toEqual(whole.items)
      return paged
    }
    const agents = await all('agents')
    expect(agents).toContainEqual({ agentId: PREAPPROVAL_AGENT.id, engagementId: null, instructionVersion: 1, sponsorId: null, state: 'active' })
    expect(agents).toContainEqual({ agentId: agent.body.id, engagementId: id, instructionVersion: 1, sponsorId: ada.personId, state: 'active' })
    const states = await all('states')
    const own = ada.answer.body.personal_engagement_id
    expect(states).toContainEqual({ personId: ada.personId, personalEngagementId: own, state: 'active', accountStatus: 'active', revision: expect.any(Number) })
    expect(JSON.stringify(states)).not.toMatch(/pending|example\.org/)
    const settings = await all('settings')
    expect(settings).toContainEqual({ scope: 'person', scopeId: ada.personId, key: 'old.key', value: 7, version: 3 })
    expect(settings).toContainEqual({ scope: 'person', scopeId: bo.personId, key: 'gone.key', version: 2 })
    for (const query of ['?of=names', '?of=agents&cursor=x', '?of=settings&cursor=x', `?of=settings&cursor=${id}`])
      expect(await page(query)).toMatchObject({ status: 422 })
  })

  test('has pages of 1 to 1000', async () => {
    expect(await page('?limit=0')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await page('?limit=1001')).toMatchObject({ status: 422 })
    expect(await page('?colour=red')).toMatchObject({ status: 422 })
  })
})

test.each([
  ['POST', '/internal/persons:names', { ids: [] }],
  ['POST', '/internal/memberships:check', { principalId: newId(), engagementId: 'own' }],
  ['GET', '/internal/snapshot', undefined],
] as const)('%s %s is for the services that own data, not for the gateway, and not without a token', async (method, url, body) => {
  expect(await bench.internal('gateway', method, url, body)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  const bare = await bench.service.app?.inject({ method, url, ...(body && { payload: body }) })
  expect(bare?.json()).toMatchObject({ status: 401, code: 'internal_token_invalid' })
})
