// Mandates: what one says, how often one act has one, and how whoever gets one checks it (companion page §12, §20).
import { newId } from '@loomworks/kernel'
import { exec, one, sql } from '@loomworks/sql'
import { eventually, fakeClock, waitingIn } from '@loomworks/testing'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, generalVerify, importJWK, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type Authority, act, authorityOn, beyond, byCard, DAY_MS, HOLDER as holder, salt, suspend, WALLET } from '../authority-story.ts'
import { type Answer, type IdentityBench, identityBench, ORIGIN } from '../identity-bench.ts'

const clock = fakeClock()
let bench: IdentityBench
let on: Authority
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
  on = authorityOn(bench)
})
afterAll(() => bench[Symbol.asyncDispose]())

const issuer = async () => (await bench.internal('companion', 'GET', '/internal/ova/issuer')).body

describe('a mandate', () => {
  test('says to one service what may be done there, for half a minute, and nothing of whose it is', async () => {
    const { ada, leg, ground } = await on.approving()
    const { status, body } = await on.mint(ada, ground)
    expect(status).toBe(200)
    const { keys } = await issuer()
    const { payload, protectedHeader } = await jwtVerify(body.mandate, createLocalJWKSet({ keys }), {
      issuer: ORIGIN,
      audience: WALLET,
      typ: 'ova-mandate+jwt',
      currentDate: new Date(clock.now()),
    })
    const iat = Math.floor(clock.now() / 1000)
    expect(payload).toEqual({
      iss: ORIGIN,
      aud: WALLET,
      iat,
      exp: iat + 30,
      jti: expect.any(String),
      cnf: { jwk: holder },
      capability: 'payment.spend',
      act: act(leg),
      amount: leg.amount,
      mode: 'do',
      epoch: Math.floor(clock.now() / DAY_MS),
    })
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'ova-mandate+jwt', kid: keys[0].kid })
    expect(Date.parse(body.expiresAt)).toBe((iat + 30) * 1000)
    expect(body.mandate).not.toContain(ada.personId)
    expect(body.mandate.length).toBeLessThan(800)
  })

  test('is for the Companion to ask, in the right shape', async () => {
    const { ada, ground } = await on.approving()
    const asked = { kind: 'mandate', personId: ada.personId, mode: 'do', ground, holder }
    for (const from of ['memory', 'gateway'] as const)
      expect(await bench.internal(from, 'POST', '/internal/ova/issue', asked)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
    for (const wrong of [{ kind: 'credential' }, { mode: 'pay' }, { holder: { ...holder, d: 'secret' } }, { holder: { kty: 'RSA' } }, { ground: {} }])
      expect(await on.issue({ ...asked, ...wrong })).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await bench.internal('memory', 'GET', '/internal/ova/issuer')).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  })

  test('is minted for who is there', async () => {
    const { ada, ground } = await on.approving()
    await exec(bench.db, sql`update identity.persons set state = 'locked' where id = ${ada.personId}`)
    expect(await on.mint(ada, ground)).toMatchObject(beyond('person'))
    await exec(bench.db, sql`update identity.persons set state = 'active' where id = ${ada.personId}`)
    await suspend(bench, ada)
    expect(await on.mint(ada, ground)).toMatchObject(beyond('person'))
    expect(await on.mint({ personId: newId() }, ground)).toMatchObject(beyond('person'))
  })
})

describe('one act', () => {
  const open = { status: 409, body: { code: 'ova.mandate_open' } }
  const spent = { status: 409, body: { code: 'ova.attempts_spent' } }

  test('has one mandate at a time, and five in all', async () => {
    const { ada, ground } = await on.approving()
    for (const attempt of [1, 2, 3, 4, 5]) {
      expect([attempt, (await on.mint(ada, ground)).status]).toEqual([attempt, 200])
      const { headers, ...again } = await on.mint(ada, ground)
      expect(again).toMatchObject(attempt < 5 ? open : spent)
      if (attempt < 5) expect(headers['retry-after']).toBe('30')
      clock.advance(30_000)
    }
    expect(await on.mint(ada, ground)).toMatchObject(spent)
  })

  test('asked for many times at once has one', async () => {
    const { ada, ground } = await on.spending()
    const statuses = (await Promise.all(Array.from({ length: 50 }, () => on.mint(ada, ground)))).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 409)).toHaveLength(49)
  })

  test('is good for as long as is noted, however long its minting took', async () => {
    const { ada, leg, ground } = await on.approving()
    const [minting] = await whileNothingIsNoted([() => on.mint(ada, ground)], async () => clock.advance(10_000))
    const { exp = 0 } = decodeJwt(minting?.body.mandate)
    const noted = await one(bench.db, z.object({ last_exp: z.string() }), sql`select last_exp from identity.minted where act = ${act(leg)}`)
    expect(Date.parse(noted.last_exp)).toBe(exp * 1000)
  })

  test('is minted before a revocation is answered, or not at all', async () => {
    const { ada, contract, ground } = await on.spending()
    const answered: string[] = []
    const noting = (name: string, ask: () => Promise<Answer>) => async () => {
      const answer = await ask()
      answered.push(`${name} ${answer.status}`)
      return answer
    }
    const revoke = () => on.issue({ kind: 'revoke', personId: ada.personId, delegationId: contract.delegation_id, version: 2 })
    await whileNothingIsNoted([noting('mint', () => on.mint(ada, ground)), noting('revoke', revoke)], async () => expect(answered).toEqual([]))
    expect(answered).toEqual(['mint 200', 'revoke 200'])
  })

  test('is of the signature it was first minted on', async () => {
    const { ada, card, leg, ground } = await on.approving()
    await on.mint(ada, ground)
    const twin = { ...card, nonce: salt() }
    await on.sign(ada, 'approval', twin)
    clock.advance(30_000)
    expect(await on.mint(ada, byCard(twin, leg))).toMatchObject(beyond('act'))
  })

  test('that was begun is seen to its end: for 180 days, whatever the contract is by then, and for who is suspended', async () => {
    const { ada, contract, ground } = await on.spending()
    for (const mode of ['status', 'undo'] as const) expect(await on.mint(ada, ground, mode)).toMatchObject(beyond('act'))
    await on.mint(ada, ground)
    await on.issue({ kind: 'revoke', personId: ada.personId, delegationId: contract.delegation_id, version: 2 })
    await suspend(bench, ada)
    clock.advance(179 * DAY_MS)
    for (const mode of ['status', 'status', 'undo'] as const) {
      const { status, body } = await on.mint(ada, ground, mode)
      expect(status).toBe(200)
      expect(decodeJwt(body.mandate)).toMatchObject({ mode, aud: WALLET })
    }
    clock.advance(DAY_MS)
    for (const mode of ['status', 'undo'] as const) expect(await on.mint(ada, ground, mode)).toMatchObject(beyond('act'))
  })
})

describe('the issuer', () => {
  test('signs with another key each day, and publishes the one before', async () => {
    const { ada, ground } = await on.approving()
    const first = decodeProtectedHeader((await on.mint(ada, ground)).body.mandate).kid
    const before = await issuer()
    clock.advance(DAY_MS / 2)
    clock.advance(DAY_MS / 2)
    const { ada: bob, ground: other } = await on.approving()
    const second = decodeProtectedHeader((await on.mint(bob, other)).body.mandate).kid
    const after = await issuer()
    expect(second).not.toBe(first)
    expect(before.keys[0]).toMatchObject({ kid: first, epoch: Math.floor(clock.now() / DAY_MS) - 1, kty: 'OKP', crv: 'Ed25519' })
    expect(after.keys.map(({ kid }: { kid: string }) => kid)).toEqual([second, first])
    expect(after).toMatchObject({ issuer: ORIGIN, profiles: ['p0'], rungs: expect.arrayContaining([1, 5000]), keys: [{ epoch: before.keys[0].epoch + 1 }, {}] })
    expect(JSON.stringify(after)).not.toContain('"d"')
  })

  test('of whose keys one is known, the next is believed', async () => {
    await issuer()
    clock.advance(DAY_MS)
    const { statement, ...told } = await issuer()
    for (const key of told.keys) {
      const only = statement.signatures.filter((each: { protected: string }) => JSON.parse(Buffer.from(each.protected, 'base64url').toString()).kid === key.kid)
      const { payload } = await generalVerify({ ...statement, signatures: only }, await importJWK(key, 'EdDSA'))
      expect(JSON.parse(Buffer.from(payload).toString())).toEqual(told)
    }
  })

  test('is one on every instance', async () => {
    await using second = await bench.another()
    clock.advance(DAY_MS)
    const all = await Promise.all(
      Array.from({ length: 8 }, (_each, at) => (at % 2 === 0 ? bench : second).internal('companion', 'GET', '/internal/ova/issuer')),
    )
    expect(new Set(all.map(({ body }) => body.keys[0].kid)).size).toBe(1)
  })
})

/** Asks one after the other, each once the one before waits, while no mandate can be noted. */
async function whileNothingIsNoted(asks: readonly (() => Promise<Answer>)[], meanwhile: () => Promise<void>): Promise<readonly Answer[]> {
  const { asking } = await bench.db.transaction(async (tx) => {
    await exec(tx, sql`lock table identity.minted in share mode`)
    const begun: Promise<Answer>[] = []
    for (const ask of asks) {
      begun.push(ask())
      await eventually(async () => expect(await waitingIn(bench.db)).toHaveLength(begun.length))
    }
    await meanwhile()
    return { asking: begun }
  })
  return Promise.all(asking)
}
