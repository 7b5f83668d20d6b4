import { PREAPPROVAL_AGENT, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { derivedId, newId, ServiceName, tokenHash } from '@loomworks/kernel'
import { type Itk, tokenVerifier } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Authority, authorityOn, byCard, payment } from '../../authority-story.ts'
import { somebody } from '../../belonging-story.ts'
import { type IdentityBench, identityBench } from '../../identity-bench.ts'
import type { SignedUp } from '../../signing-up.ts'

const clock = fakeClock()
let bench: IdentityBench
let on: Authority
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
  on = authorityOn(bench)
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
const noActor = { status: 403, body: { code: 'auth.actor_refused' } }
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
    const [contract, connection] = [await on.signedContract(bob), await on.linked(bob)]
    const rights = [
      beforehand(bob).capabilityRef,
      `membership:${newId()}`,
      `delegation:${contract.delegation_id}@1`,
      `delegation:${newId()}@1`,
      `connection:${connection.connection_id}`,
      `connection:${newId()}`,
    ]
    for (const right of rights) expect(await exchange(beforehand(ada, right))).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  })
})

describe('who signed a contract', () => {
  const by = ({ delegation_id }: { delegation_id: string }, version = 1) => `delegation:${delegation_id}@${version}`

  test('is acted for by that version of it, while it stands', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada)
    const { status, body } = await exchange(beforehand(ada, by(contract)))
    expect(status).toBe(200)
    expect((await claimsIn(body.token)).act).toEqual({ kind: 'companion', id: ada.personId, approvalMode: 'pre_authorized', capabilityRef: by(contract) })
    expect(await exchange(beforehand(ada, by(contract, 2)))).toMatchObject(noActor)
    await on.issue({ kind: 'revoke', personId: ada.personId, delegationId: contract.delegation_id, version: 2 })
    for (const version of [1, 2]) expect(await exchange(beforehand(ada, by(contract, version)))).toMatchObject(noActor)
  })

  test('is acted for from its start to its end', async () => {
    const ada = await somebody(bench)
    const contract = await on.signedContract(ada, on.terms({ starts_at: on.inDays(1), expires_at: on.inDays(2) }))
    expect(await exchange(beforehand(ada, by(contract)))).toMatchObject(noActor)
    clock.advance(86_400_000)
    expect(await exchange(beforehand(ada, by(contract)))).toMatchObject({ status: 200 })
    clock.advance(86_400_000)
    expect(await exchange(beforehand(ada, by(contract)))).toMatchObject(noActor)
  })
})

test('who linked a service is acted for by that connection, until they unlink it', async () => {
  const ada = await somebody(bench)
  const { connection_id: id } = await on.linked(ada)
  const { status, body } = await exchange(beforehand(ada, `connection:${id}`))
  expect(status).toBe(200)
  expect((await claimsIn(body.token)).act).toMatchObject({ approvalMode: 'pre_authorized', capabilityRef: `connection:${id}` })
  await bench.ask('DELETE', `/me/secrets/connection.${id}`, { session: ada.session })
  expect(await exchange(beforehand(ada, `connection:${id}`))).toMatchObject(noActor)
})

describe('who signed a card', () => {
  const onCard = async (ada: SignedUp, card = on.card()) => {
    const { body } = await on.sign(ada, 'approval', card)
    const { operationHash } = body
    return { as: 'companion', approvalMode: 'explicit', personId: ada.personId, operationHash, actionId: card.action_id, actionVersion: 1 }
  }

  test('has asked for that action in that version, here or not, until the card is over', async () => {
    const ada = await somebody(bench)
    const asking = await onCard(ada)
    const { status, body } = await exchange(asking)
    expect(status).toBe(200)
    const claims = await claimsIn(body.token)
    expect(claims.act).toEqual({ kind: 'companion', id: ada.personId, approvalMode: 'explicit' })
    expect(claims).not.toHaveProperty('sid')
    expect(await exchange({ ...asking, actionVersion: 2 })).toMatchObject(noActor)
    expect(await exchange({ ...asking, actionId: newId() })).toMatchObject(noActor)
    expect(await exchange({ ...asking, operationHash: '0'.repeat(64) })).toMatchObject(noActor)
    expect(await exchange({ ...asking, personId: (await somebody(bench)).personId })).toMatchObject(noActor)
    await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
    expect(await exchange(asking)).toMatchObject(noActor)
    await exec(bench.db, sql`update identity.persons set state = 'active' where id = ${ada.personId}`)
    clock.advance(86_400_000)
    expect(await exchange(asking)).toMatchObject(noActor)
  })

  test('has what was begun in time seen to its end', async () => {
    const [ada, leg] = [await somebody(bench), payment()]
    const card = on.card([leg])
    const asking = await onCard(ada, card)
    await on.mint(ada, byCard(card, leg))
    clock.advance(179 * 86_400_000)
    expect(await exchange(asking)).toMatchObject({ status: 200 })
    clock.advance(86_400_000)
    expect(await exchange(asking)).toMatchObject(noActor)
  })

  test('to decline it has asked for nothing', async () => {
    const ada = await somebody(bench)
    expect(await exchange(await onCard(ada, on.card(undefined, { decision: 'decline' })))).toMatchObject(noActor)
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
