// The signup as a whole: everything or nothing, one winner, and facts that say so.
import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { derivedId, envelopeHash, GENESIS, type Id, newId, timeOf, tokenHash } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { type Answer, eventually } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { signedUp, verified, type WithFactors, withFactors } from '../signing-up.ts'
import { stepAt } from '../totp.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(() => bench.steps.clear())

let next = 0
const signer = () => ({ email: `s${++next}@example.org` })

const Told = z.object({
  type: z.string(),
  actor: z.unknown(),
  entity: z.string(),
  revision: z.int().optional(),
  prevRevision: z.int().optional(),
  data: z.record(z.string(), z.unknown()),
})

/** What identity has published about a person's stream facts, in order. */
async function toldOf(personId: string) {
  const rows = await many(
    bench.db,
    z.object({ data: z.string() }),
    sql`select data from identity.outbox where entity_id = ${personId} and stream is not null and published_at is not null order by seq`,
  )
  return rows.map(({ data }) => Told.parse(JSON.parse(data)))
}

async function countOf(table: ReturnType<typeof sql>): Promise<number> {
  return (await one(bench.db, z.object({ n: z.int() }), sql`select count(*)::integer as n from ${table}`)).n
}

/** An answer of the last step; for one that was not there in time, what the status address says in the end. */
async function settledOf(answer: Answer, id: string | undefined): Promise<Pick<Answer, 'status' | 'body'>> {
  if (answer.status !== 202) return answer
  return eventually(async () => {
    const { body } = await bench.ask('GET', `/auth/signup/${id}`)
    expect(body.state).not.toBe('pending')
    return { status: body.state === 'completed' ? 200 : body.http_status, body }
  })
}

const FACTS = ['PersonActivated', 'CredentialAdded', 'CredentialAdded', 'CredentialAdded', 'MembershipGranted', 'MembershipGranted']

describe('a completed signup', () => {
  test('ID-INV-2, ID-INV-5: leaves a person, a passkey, a factor, ten codes and two memberships', async () => {
    const { personId, answer } = await signedUp(bench, signer())
    const own = answer.body.personal_engagement_id
    const memberships = await many(
      bench.db,
      z.object({ engagement_id: z.string(), number: z.int(), designation: z.string(), active: z.boolean() }),
      sql`select m.engagement_id, m.operator_sequence_number as number, d.designation, m.active and d.active as active
            from identity.memberships m join identity.membership_designations d on d.membership_id = m.id
           where m.principal_id = ${personId} order by 2`,
    )
    expect(memberships).toEqual([
      { engagement_id: own, number: 1, designation: 'operator', active: true },
      { engagement_id: WELL_KNOWN_ENGAGEMENTS.commons.id, number: 2, designation: 'contributor', active: true },
    ])
    expect(await countOf(sql`identity.webauthn_credentials where person_id = ${personId} and state = 'active'`)).toBe(1)
    // The step of the code that was just used is used.
    expect(
      await countOf(sql`identity.totp_factors where person_id = ${personId} and last_step between ${stepAt(Date.now()) - 2} and ${stepAt(Date.now()) + 1}`),
    ).toBe(1)
    expect(await countOf(sql`identity.recovery_codes where person_id = ${personId} and used_at is null`)).toBe(10)
  })

  test('is told in six facts of the signup, densely numbered', async () => {
    const { personId, answer } = await signedUp(bench, signer())
    const told = await eventually(async () => {
      const facts = await toldOf(personId)
      expect(facts).toHaveLength(FACTS.length)
      return facts
    })
    expect(told.map(({ type }) => type)).toEqual(FACTS)
    expect(told.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6])
    expect(told.map(({ prevRevision }) => prevRevision)).toEqual([undefined, 1, 2, 3, 4, 5])
    expect(told.every(({ actor }) => JSON.stringify(actor) === '{"kind":"service","id":"signup"}')).toBe(true)
    expect(told[0]?.data).toMatchObject({ personId, personalEngagementId: answer.body.personal_engagement_id, claimed: false })
    expect(told.slice(1, 4).map(({ data }) => data.kind)).toEqual(['passkey', 'totp', 'recovery_codes'])
  })

  test('ID-INV-12: stands in the stream of the person, chained, in the same order', async () => {
    const { personId } = await signedUp(bench, signer())
    const events = await eventually(async () => {
      const list = await Array.fromAsync(bench.platform.eventStore.readStream(`person-${personId}`))
      expect(list).toHaveLength(FACTS.length)
      return list
    })
    expect(events.map(({ type }) => type)).toEqual(FACTS)
    let head: unknown = GENESIS
    for (const { body } of events) {
      expect(body.prevHash).toBe(head)
      expect(envelopeHash(body as unknown as Parameters<typeof envelopeHash>[0])).toBe(body.hash)
      head = body.hash
    }
  })

  test('ID-INV-9: names nobody: no address, name, code or secret is in any message, stream, fence or outbox row', async () => {
    const email = 'canary-address@example.org'
    const { totpSecret, recoveryCodes, secret, session } = await signedUp(bench, { email, displayName: 'Canary Name' })
    const { text } = await one(
      bench.db,
      z.object({ text: z.string() }),
      sql`select concat((select string_agg(m::text, '') from bus.message m), (select string_agg(e::text, '') from event_store.event e),
                        (select string_agg(f::text, '') from identity.saga_fence f), (select string_agg(o::text, '') from identity.outbox o)) as text`,
    )
    expect(text.length).toBeGreaterThan(1000)
    for (const canary of [email, 'Canary', totpSecret, secret, session, ...recoveryCodes]) expect(text).not.toContain(canary)
  })

  test('clears what the registration knew', async () => {
    const { id } = await signedUp(bench, signer())
    const cleared = sql`identity.pending_registrations where id = ${id} and state = 'completed'
      and num_nonnulls(email, display_name, companion_name, user_handle, credential, totp_sealed, totp_step, recovery_digests, saga_input,
                      network_hash) = 0`
    expect(await countOf(cleared)).toBe(1)
  })

  test('with a claim token proves the address and says who referred', async () => {
    const referrer = await signedUp(bench, signer())
    const data = { grantId: newId(), assetId: 'loomworks_credit_haiku', amount: '5', grantKind: 'referrer_initiated', referredBy: referrer.personId }
    bench.steps.set('reserve/do', () => ({ outcome: 'done', data }))
    const ready = await withFactors(bench, signer())
    const { body } = await verified(bench, ready, { claim_token: 'a token' })
    expect(body.person.email_verified).toBe(true)
    expect(await countOf(sql`identity.persons where id = ${body.person.id} and referred_by = ${referrer.personId}`)).toBe(1)
    const [activated] = await eventually(async () => {
      const told = await toldOf(body.person.id)
      expect(told).not.toHaveLength(0)
      return told
    })
    expect(activated?.data).toMatchObject({ claimed: true, referredBy: referrer.personId })
  })

  test('does not fail on a referrer who is not there', async () => {
    const data = { grantId: newId(), assetId: 'loomworks_credit_haiku', amount: '5', grantKind: 'referrer_initiated', referredBy: newId() }
    bench.steps.set('reserve/do', () => ({ outcome: 'done', data }))
    const ready = await withFactors(bench, signer())
    expect(await verified(bench, ready, { claim_token: 'a token' })).toMatchObject({ status: 200 })
  })
})

describe('a signup that was undone', () => {
  test('leaves nothing of a person, and the address free', async () => {
    const { email } = signer()
    bench.steps.set('induct/do', () => ({ outcome: 'error', code: 'saga.step_error' }))
    const ready = await withFactors(bench, { email })
    expect(await verified(bench, ready)).toMatchObject({ status: 500 })
    const personId = derivedId(derivedId(ready.id, 1), 'person')
    expect(await countOf(sql`identity.persons where id = ${personId} or email_lookup = ${email}`)).toBe(0)
    expect(await countOf(sql`identity.memberships where principal_id = ${personId}`)).toBe(0)
    expect(await countOf(sql`identity.outbox where entity_id = ${personId}`)).toBe(0)
    bench.steps.clear()
    expect(await verified(bench, ready)).toMatchObject({ status: 200 })
  })

  test('ID-INV-1: was never a person: nobody could log in, be named or be a member meanwhile', { timeout: 20_000 }, async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    bench.steps.set('induct/do', async () => {
      await promise
      return { outcome: 'error', code: 'saga.step_error' }
    })
    const ready = await withFactors(bench, signer())
    const outcome = verified(bench, ready)
    const personId = derivedId(derivedId(ready.id, 1), 'person')
    await eventually(async () => expect(await countOf(sql`identity.memberships where principal_id = ${personId}`)).toBe(2))
    const check = { principalId: personId, engagementId: WELL_KNOWN_ENGAGEMENTS.commons.id }
    expect((await bench.internal('memory', 'POST', '/internal/persons:names', { ids: [personId] })).body).toEqual([null])
    expect((await bench.internal('memory', 'POST', '/internal/memberships:check', check)).body).toBeNull()
    const snapshot = await bench.internal('memory', 'GET', '/internal/snapshot')
    expect(JSON.stringify(snapshot.body)).not.toContain(personId)
    const login = await bench.ask('POST', '/auth/login/passkey/begin', { body: {} })
    const credential = ready.authenticator.authenticate(login.body.options)
    const refused = await bench.ask('POST', '/auth/login/passkey/finish', { body: { challenge_id: login.body.challenge_id, credential } })
    expect(refused).toMatchObject({ status: 401, body: { code: 'login.refused' } })
    resolve()
    expect((await outcome).status).toBe(500)
  })
})

test('ID-INV-3: of fifty signups of one address at once exactly one wins; the others are undone', { timeout: 60_000 }, async () => {
  const { email } = signer()
  const all: WithFactors[] = []
  for (let count = 0; count < 50; count++) all.push(await withFactors(bench, { email }))
  const answers = await Promise.all(all.map((each) => verified(bench, each)))
  const settled = await Promise.all(answers.map((answer, index) => settledOf(answer, all[index]?.id)))
  expect(settled.filter(({ status }) => status === 200)).toHaveLength(1)
  const codes = settled.filter(({ status }) => status !== 200).map(({ body }) => body.code)
  expect(codes.filter((code) => code === 'signup.email_taken')).toHaveLength(5)
  expect(codes.filter((code) => code === 'signup.too_many_attempts')).toHaveLength(44)
  expect(await countOf(sql`identity.persons where email_lookup = ${email}`)).toBe(1)
})

test('two instances share the work: what begins at one goes on at the other', { timeout: 30_000 }, async () => {
  await using other = await bench.another()
  for (let count = 0; count < 5; count++) {
    const { email } = signer()
    const here = await withFactors(bench, { email })
    const answers = await Promise.all([verified(other, here), verified(bench, here)])
    for (const answer of answers) expect(await settledOf(answer, here.id)).toMatchObject({ status: 200 })
    expect(await countOf(sql`identity.persons where email_lookup = ${email}`)).toBe(1)
    const there = await withFactors(other, signer())
    expect(await settledOf(await verified(bench, there), there.id)).toMatchObject({ status: 200 })
  }
})

test('a submission whose process died before the saga began is begun by the host', async () => {
  const ready = await withFactors(bench, signer())
  const sagaId = derivedId<'saga'>(ready.id, 1)
  const input = { registrationId: ready.id, attempt: 1 }
  await exec(
    bench.db,
    sql`update identity.pending_registrations
           set state = 'submitted', attempt = 1, saga_id = ${sagaId}, saga_input = ${JSON.stringify(input)}, totp_step = 1,
               submitted_at = ${timeOf(Date.now() - 10_000)}
         where id = ${ready.id}`,
  )
  await eventually(async () => expect((await bench.ask('GET', `/auth/signup/${ready.id}`)).body.state).toBe('completed'))
  expect(await verified(bench, ready)).toMatchObject({ status: 200 })
})

test('the pivot writes tables whose every constraint was considered', async () => {
  const constraints = await many(
    bench.db,
    z.object({ name: z.string() }),
    sql`select c.conrelid::regclass::text || ' ' || c.conname || ' ' || c.contype::text as name
          from pg_constraint c
         where c.conrelid in ('identity.persons'::regclass, 'identity.memberships'::regclass, 'identity.person_roles'::regclass, 'identity.outbox'::regclass)
           and c.contype in ('u', 'f', 'x', 'p')
         union all
        select 'identity.persons person_email unique index' where exists (select from pg_indexes where indexname = 'person_email')
         order by 1`,
  )
  // Each is either about ids that only this saga makes, about columns the pivot does not write, or (referred_by) is read from the
  // rows that are there. Who adds one says here why it cannot fail at the pivot.
  expect(constraints.map(({ name }) => name)).toEqual([
    'identity.memberships memberships_pkey p',
    'identity.memberships memberships_principal_id_engagement_id_key u',
    'identity.memberships memberships_principal_id_operator_sequence_number_key u',
    'identity.outbox outbox_id_key u',
    'identity.outbox outbox_pkey p',
    'identity.person_roles person_roles_person_id_fkey f',
    'identity.person_roles person_roles_pkey p',
    'identity.persons person_email unique index',
    'identity.persons persons_personal_engagement_id_key u',
    'identity.persons persons_pkey p',
    'identity.persons persons_referred_by_fkey f',
    'identity.persons persons_user_handle_key u',
  ])
})

describe('a step of identity that is told twice', () => {
  const Reply = z.object({ outcome: z.string(), data: z.record(z.string(), z.unknown()).optional(), attempt: z.int() })

  /** Sends a command of the signup once more, as after a crash between the commit and the acknowledgement. */
  async function again(sagaId: Id<'saga'>, step: string, dir: 'do' | 'undo', attempt: number) {
    const rows = await many(
      bench.db,
      z.object({ data: z.string() }),
      sql`select data from bus.message where subject = ${`saga.cmd.identity.${sagaId}.${step}.do`} limit 1`,
    )
    const command = JSON.parse(rows[0]?.data ?? '')
    const id = `${sagaId}/${step}/${dir}/${attempt}`
    await bench.platform.bus.publish({ subject: `saga.cmd.identity.${sagaId}.${step}.${dir}`, id, data: JSON.stringify({ ...command, id, dir, attempt }) })
    return eventually(async () => {
      const [reply] = await many(bench.db, z.object({ data: z.string() }), sql`select data from bus.message where id = ${`${id}/r`}`)
      return Reply.parse(JSON.parse(reply?.data ?? ''))
    })
  }

  test.each(['createPending', 'commonsJoin', 'activate'])('%s gives its first answer and does nothing', async (step) => {
    const { id, personId } = await signedUp(bench, signer())
    const before = await countOf(sql`identity.outbox where entity_id = ${personId} and stream is not null`)
    expect(await again(derivedId(id, 1), step, 'do', 2)).toMatchObject({ outcome: 'done', attempt: 2 })
    expect(await countOf(sql`identity.outbox where entity_id = ${personId} and stream is not null`)).toBe(before)
    expect(await countOf(sql`identity.memberships where principal_id = ${personId}`)).toBe(2)
  })

  test.each(['createPending', 'commonsJoin'])('%s after its undo is refused', async (step) => {
    bench.steps.set('induct/do', () => ({ outcome: 'error', code: 'saga.step_error' }))
    const ready = await withFactors(bench, signer())
    await verified(bench, ready)
    const sagaId = derivedId<'saga'>(ready.id, 1)
    expect(await again(sagaId, step, 'do', 2)).toMatchObject({ outcome: 'refused' })
    expect(await countOf(sql`identity.persons where id = ${derivedId(sagaId, 'person')}`)).toBe(0)
  })
})

test('what is stored of the secret is its hash', async () => {
  const { id, secret } = await withFactors(bench, signer())
  expect(await countOf(sql`identity.pending_registrations where id = ${id} and secret_hash = ${tokenHash(secret)}`)).toBe(1)
})
