// What credit decides of an account, as identity obeys it (identity page §2, credit page §9).
import { outboxRowOf } from '@loomworks/bus'
import { AccountStatus, AccountStatusDecided } from '@loomworks/contracts'
import { type Id, newId, type PersonId } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { exec, one, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../../identity-bench.ts'
import { type SignedUp, signedUp } from '../../signing-up.ts'

let bench: IdentityBench
let names = 0
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())

const person = () => signedUp(bench, { email: `d${++names}@example.org` })
type Decided = z.input<typeof AccountStatusDecided.schema>

/** A decision about a person; the next one each time. */
let places = 0
const decision = ({ personId }: { personId: string }, said: Pick<Decided, 'from' | 'to'> & Partial<Decided>): Decided => ({
  decisionId: newId<'decision'>(),
  seq: ++places,
  personId: personId as PersonId,
  reason: 'window',
  ...said,
})

/** Tells a decision on the bus as a message of its own, and gives what became of it once that is counted. */
async function told(data: Decided): Promise<string> {
  const id = newId()
  const before = await counted()
  const stating = {
    at: new Date().toISOString(),
    actor: { kind: 'service', id: 'credit' },
    correlationId: newId(),
    causationId: newId(),
    traceparent: childTrace(),
  } as const
  const row = outboxRowOf({ type: AccountStatusDecided, data, cause: id }, stating)
  await bench.platform.bus.publish({ subject: row.subject, id, headers: { ...row.headers, 'message-id': row.id }, data: row.data })
  return eventually(async () => {
    const after = await counted()
    const [outcome] = [...after].find(([name, count]) => count !== (before.get(name) ?? 0)) ?? []
    if (outcome === undefined) throw new Error('the decision was not heard yet')
    return outcome
  })
}

async function counted(): Promise<ReadonlyMap<string, number>> {
  const text = (await bench.service.app?.inject({ method: 'GET', url: '/metrics' }))?.body ?? ''
  return new Map([...text.matchAll(/^account_decisions_total\{.*outcome="([a-z_]+)".*\} (\d+)$/gm)].map(([, name = '', count]) => [name, Number(count)]))
}

const Row = z.object({ account_status: AccountStatus, previous_status_change_at: z.string().nullable(), revision: z.bigint(), account_seq: z.bigint() })
const standing = ({ personId }: SignedUp) =>
  one(bench.db, Row, sql`select account_status, previous_status_change_at, revision, account_seq from identity.persons where id = ${personId}`)
const put = ({ personId }: SignedUp, status: AccountStatus) =>
  exec(bench.db, sql`update identity.persons set account_status = ${status}, account_seq = 0 where id = ${personId}`)
const changes = ({ personId }: SignedUp) => bench.told('AccountStatusChanged', personId)

describe('a decision of credit', () => {
  test('is obeyed and told with the next revision of the person, by the decision it comes from', async () => {
    const ada = await person()
    const before = await standing(ada)
    const said = decision(ada, { from: 'active', to: 'exhausted', reason: 'balance' })
    expect(await told(said)).toBe('changed')
    expect(await standing(ada)).toMatchObject({ account_status: 'exhausted', revision: before.revision + 1n, previous_status_change_at: expect.any(String) })
    expect(await changes(ada)).toMatchObject([
      {
        revision: Number(before.revision) + 1,
        actor: { kind: 'service', id: 'credit' },
        data: { personId: ada.personId, from: 'active', to: 'exhausted', reason: 'balance', decidedBy: 'credit', decisionId: said.decisionId },
      },
    ])
  })

  test('told again, as it was or otherwise, is obeyed once, for ever', async () => {
    const ada = await person()
    const first = decision(ada, { from: 'active', to: 'exhausted' })
    await told(first)
    await told(decision(ada, { from: 'exhausted', to: 'active', reason: 'issued' }))
    const before = await standing(ada)
    const outbox = await changes(ada)
    expect(await told(first)).toBe('known')
    expect(await told({ ...first, seq: ++places })).toBe('known')
    expect(await told({ ...first, seq: ++places, to: 'suspended' })).toBe('known')
    expect(await standing(ada)).toEqual(before)
    expect(await changes(ada)).toEqual(outbox)
  })

  test('that comes after a newer one changes nothing', async () => {
    const ada = await person()
    const late = decision(ada, { from: 'active', to: 'exhausted' })
    expect(await told(decision(ada, { from: 'active', to: 'suspended' }))).toBe('changed')
    const before = await standing(ada)
    expect(await told(late)).toBe('late')
    expect(await standing(ada)).toEqual(before)
  })

  test('made in another state than the account is in is obeyed all the same, for the newest counts; and operators see that one was missed', async () => {
    const ada = await person()
    expect(await told(decision(ada, { from: 'exhausted', to: 'suspended' }))).toBe('out_of_step')
    expect(await changes(ada)).toMatchObject([{ data: { from: 'active', to: 'suspended' } }])
  })

  test('that says what is so already is noted, and tells nothing', async () => {
    const ada = await person()
    const said = decision(ada, { from: 'exhausted', to: 'active', reason: 'issued' })
    expect(await told(said)).toBe('stands')
    expect(await standing(ada)).toMatchObject({ account_status: 'active', previous_status_change_at: null, account_seq: BigInt(said.seq) })
    expect(await changes(ada)).toEqual([])
  })

  test('about nobody, about who is only coming to be, and about who was erased, is told to operators alone', async () => {
    expect(await told(decision({ personId: newId() }, { from: 'active', to: 'suspended' }))).toBe('no_account')
    const ada = await person()
    await exec(bench.db, sql`update identity.persons set state = 'erased' where id = ${ada.personId}`)
    const before = await standing(ada)
    expect(await told(decision(ada, { from: 'active', to: 'suspended' }))).toBe('no_account')
    expect(await standing(ada)).toEqual(before)
    await exec(bench.db, sql`update identity.persons set state = 'pending', activated_at = null where id = ${ada.personId}`)
    expect(await told(decision(ada, { from: 'active', to: 'suspended' }))).toBe('no_account')
    expect(await standing(ada)).toEqual(before)
  })

  test('to delete is a fact: only an erasure writes it', async () => {
    const ada = await person()
    await put(ada, 'suspended')
    const before = await standing(ada)
    expect(await told(decision(ada, { from: 'suspended', to: 'deleted', erasureId: newId<'erasure'>() }))).toBe('told')
    expect(await standing(ada)).toEqual(before)
  })

  test('is heard by who is suspended in the next token, and their sessions stay', async () => {
    const ada = await person()
    const account = async () => decodeJwt((await bench.introspect(ada.session)).body.token).account
    expect(await account()).toBe('active')
    await told(decision(ada, { from: 'active', to: 'suspended' }))
    expect(await account()).toBe('suspended')
    expect(await bench.ask('GET', '/me', { session: ada.session })).toMatchObject({ status: 200, body: { account_status: 'suspended' } })
    const agents = `/engagements/${ada.answer.body.personal_engagement_id}/agents`
    expect(await bench.ask('GET', agents, { session: ada.session })).toMatchObject({ status: 403, body: { code: 'account_suspended' } })
  })

  test('that a claim has settled before is known when credit tells it, and from then on those before it are late', async () => {
    const ada = await person()
    await put(ada, 'exhausted')
    const late = decision(ada, { from: 'active', to: 'exhausted' })
    expect(await bench.ask('POST', '/me/claims', { session: ada.session, body: { claim_token: `lwc_${ada.personId}` } })).toMatchObject({ status: 200 })
    const [settled] = await changes(ada)
    const decisionId = z.string().parse(settled?.data.decisionId) as Id<'decision'>
    expect(await told(decision(ada, { decisionId, from: 'exhausted', to: 'active', reason: 'issued' }))).toBe('known')
    expect(await told(late)).toBe('late')
    expect(await standing(ada)).toMatchObject({ account_status: 'active' })
    expect(await changes(ada)).toHaveLength(1)
  })
})

const LEGAL = ['active exhausted', 'exhausted active', 'active suspended', 'exhausted suspended', 'suspended active']
const edges = AccountStatus.options.flatMap((from) => AccountStatus.options.map((to) => [from, to] as const))

test('ID-INV-11: an account goes along the edges of its lifecycle alone, whatever is decided', { timeout: 60_000 }, async () => {
  const ada = await person()
  for (const [from, to] of edges) {
    await put(ada, from)
    const before = await standing(ada)
    const outcome = await told(decision(ada, { from, to }))
    const after = await standing(ada)
    const edge = `${from} ${to}`
    if (LEGAL.includes(edge)) {
      expect([edge, outcome, after.account_status]).toEqual([edge, 'changed', to])
      expect(after.revision).toBe(before.revision + 1n)
    } else if (from === to && to !== 'deleted') {
      expect([edge, outcome, after.account_status, after.revision]).toEqual([edge, 'stands', from, before.revision])
    } else {
      expect([edge, outcome]).toEqual([edge, to === 'deleted' ? 'told' : 'no_edge'])
      expect(after).toEqual(before)
    }
  }
})
