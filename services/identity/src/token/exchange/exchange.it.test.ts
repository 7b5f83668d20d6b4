import { PREAPPROVAL_AGENT, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { derivedId, newId, ServiceName, tokenHash } from '@loomworks/kernel'
import { type Itk, tokenVerifier } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { somebody } from '../../belonging-story.ts'
import { type IdentityBench, identityBench } from '../../identity-bench.ts'
import type { SignedUp } from '../../signing-up.ts'

const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

const exchange = (body: object, from: ServiceName = 'companion') => bench.internal(from, 'POST', '/internal/tokens/exchange', { audience: 'memory', ...body })
const keys = async () => (await bench.internal('memory', 'GET', '/internal/keys', undefined, true)).body
const claimsIn = (token: string): Promise<Itk> => tokenVerifier('memory', keys, () => clock.now()).verify(token)

/** The token that the gateway hands to a service with a person's request. */
const handedTo = async (service: ServiceName, { session }: SignedUp): Promise<string> =>
  (await bench.internal('gateway', 'POST', '/internal/introspect', { credentialHash: tokenHash(session), audience: service }, true)).body.token
const asked = async (who: SignedUp) => ({ as: 'companion', approvalMode: 'explicit', token: await handedTo('companion', who) })
const beforehand = ({ personId }: SignedUp, capabilityRef = `membership:${derivedId(WELL_KNOWN_ENGAGEMENTS.commons.id, personId)}`) => ({
  as: 'companion',
  approvalMode: 'pre_authorized',
  personId,
  capabilityRef,
})
const refused = { status: 401, body: { code: 'token_refused' } }

const COMPANION_SCOPES = ['activity.read', 'companion.converse', 'credit.read', 'memory.commit', 'memory.read', 'memory.write']

describe('who is asked by a person', () => {
  test('acts as their Companion for a minute, with what a Companion may, and no proof of the person’s', async () => {
    const ada = await somebody(bench)
    const { status, body } = await exchange(await asked(ada))
    expect(status).toBe(200)
    const claims = await claimsIn(body.token)
    expect(claims).toMatchObject({
      sub: ada.personId,
      azp: 'companion',
      aud: 'memory',
      act: { kind: 'companion', id: ada.personId, approvalMode: 'explicit' },
      account: 'active',
      sid: ada.answer.body.session.id,
    })
    expect(claims.scope.split(' ').toSorted()).toEqual(COMPANION_SCOPES)
    expect(claims.exp - claims.iat).toBe(60)
    for (const absent of ['step_up', 'roles', 'amr', 'auth_time']) expect(claims).not.toHaveProperty(absent)
  })

  test('acts no longer once the session has ended, the person is locked, or the token is over', async () => {
    const [ada, bob, eve] = [await somebody(bench), await somebody(bench), await somebody(bench)]
    const [hers, his, evil] = [await asked(ada), await asked(bob), await asked(eve)]
    await bench.ask('POST', '/auth/logout', { session: ada.session })
    expect(await exchange(hers)).toMatchObject(refused)
    await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${bob.personId}`)
    expect(await exchange(his)).toMatchObject(refused)
    clock.advance(60_000)
    expect(await exchange(evil)).toMatchObject(refused)
  })

  test('acts not on a token for another service, on its own, or on none', async () => {
    const ada = await somebody(bench)
    expect(await exchange({ ...(await asked(ada)), token: await handedTo('memory', ada) })).toMatchObject(refused)
    const own = (await bench.internal('companion', 'POST', '/internal/tokens/service', { audience: 'companion' }, true)).body.token
    expect(await exchange({ ...(await asked(ada)), token: own })).toMatchObject(refused)
    expect(await exchange({ ...(await asked(ada)), token: 'nonsense' })).toMatchObject(refused)
  })

  test('acts not for who is kept to less', async () => {
    const ada = await somebody(bench)
    const before = await asked(ada)
    await exec(bench.db, sql`update identity.sessions set restricted = 'recovery' where person_id = ${ada.personId}`)
    expect(await exchange(before)).toMatchObject(refused)
    expect(await exchange(await asked(ada))).toMatchObject(refused)
  })

  test('carries how the account stands now', async () => {
    const ada = await somebody(bench)
    const before = await asked(ada)
    await exec(bench.db, sql`update identity.persons set account_status = 'suspended' where id = ${ada.personId}`)
    expect(await claimsIn((await exchange(before)).body.token)).toMatchObject({ account: 'suspended' })
  })
})

describe('who was let beforehand', () => {
  test('names the membership by which it acts', async () => {
    const ada = await somebody(bench)
    const right = beforehand(ada)
    const claims = await claimsIn((await exchange(right)).body.token)
    expect(claims.act).toEqual({ kind: 'companion', id: ada.personId, approvalMode: 'pre_authorized', capabilityRef: right.capabilityRef })
    expect(claims.scope.split(' ').toSorted()).toEqual(COMPANION_SCOPES)
    expect(claims).not.toHaveProperty('sid')
  })

  test.each([
    ['a membership that has ended', sql`update identity.memberships set active = false, ended_at = now() where principal_id = `],
    ['a person who is locked', sql`update identity.persons set state = 'locked' where id = `],
    ['a person who is being erased', sql`update identity.persons set state = 'erasing' where id = `],
  ])('acts not by %s', async (_what, change) => {
    const ada = await somebody(bench)
    await exec(bench.db, { text: `${change.text} $1`, values: [ada.personId] })
    expect(await exchange(beforehand(ada))).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  })

  test('acts not by somebody else’s right, nor by one that nobody here can confirm', async () => {
    const [ada, bob] = [await somebody(bench), await somebody(bench)]
    const rights = [beforehand(bob).capabilityRef, `membership:${newId()}`, `delegation:${newId()}@1`, `connection:${newId()}`]
    for (const right of rights) expect(await exchange(beforehand(ada, right))).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  })
})

describe('an agent of the system', () => {
  const inducting = { as: 'agent', agentId: PREAPPROVAL_AGENT.id, instructionVersion: 1 }

  test('is named by the service that runs it, with its instruction', async () => {
    const { status, body } = await exchange(inducting, 'memory')
    expect(status).toBe(200)
    expect(await claimsIn(body.token)).toMatchObject({ sub: PREAPPROVAL_AGENT.id, azp: 'memory', act: { kind: 'agent', instructionVersion: 1 }, scope: '' })
  })

  test('is not named by another service, under another instruction, or where there is none', async () => {
    const no = { status: 403, body: { code: 'auth.actor_refused' } }
    expect(await exchange(inducting, 'credit')).toMatchObject(no)
    expect(await exchange({ ...inducting, instructionVersion: 2 }, 'memory')).toMatchObject(no)
    expect(await exchange({ ...inducting, agentId: newId() }, 'memory')).toMatchObject(no)
  })
})

test('nobody but the companion acts as one', async () => {
  const ada = await somebody(bench)
  for (const from of ServiceName.options.filter((name) => name !== 'companion')) {
    expect(await exchange(beforehand(ada), from)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
    expect(await exchange(await asked(ada), from)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  }
})

test('an exchange says what it is for, and is a service’s', async () => {
  const ada = await somebody(bench)
  for (const body of [{}, { as: 'person', personId: ada.personId }, { ...beforehand(ada), audience: 'stranger' }, { ...beforehand(ada), capabilityRef: 'all' }])
    expect(await exchange(body)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  const bare = await bench.service.app?.inject({ method: 'POST', url: '/internal/tokens/exchange', payload: beforehand(ada) })
  expect(bare?.json()).toMatchObject({ status: 401, code: 'internal_token_invalid' })
})
