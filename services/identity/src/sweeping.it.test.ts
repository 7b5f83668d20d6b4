import { timeOf } from '@loomworks/kernel'
import { exec, many, sql } from '@loomworks/sql'
import { fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { openedBy, somebody } from './belonging-story.ts'
import { forget } from './forgetting.ts'
import { type IdentityBench, identityBench } from './identity-bench.ts'
import { sweep } from './sweeping.ts'

const DAY_MS = 86_400_000
const ID = z.object({ id: z.string() })
const clock = fakeClock()
let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
})
afterAll(() => bench[Symbol.asyncDispose]())

const person = () => somebody(bench)
const ago = (days: number) => timeOf(clock.now() - days * DAY_MS)

describe('a session that ended', () => {
  const keptOf = async (personId: string) =>
    (await many(bench.db, ID, sql`select id from identity.sessions where person_id = ${personId} order by id`)).map(({ id }) => id)

  test('is forgotten a month after its fourteen days, however it ended, with what was asked of it, and no sooner', async () => {
    const ada = await person()
    const id = ada.answer.body.session.id
    const overMs = clock.now() + 14 * DAY_MS
    await bench.ask('POST', '/auth/logout', { session: ada.session })
    await exec(
      bench.db,
      sql`insert into identity.challenges (id, purpose, challenge, person_id, session_id, expires_at)
          values (gen_random_uuid(), 'step_up', 'x', ${ada.personId}, ${id}, now() + interval '1 year')`,
    )
    await forget(bench.db, 'sessions', overMs + 30 * DAY_MS)
    expect(await keptOf(ada.personId)).toEqual([id])
    await forget(bench.db, 'sessions', overMs + 30 * DAY_MS + 1)
    expect(await keptOf(ada.personId)).toEqual([])
    expect(await many(bench.db, ID, sql`select id from identity.challenges where session_id = ${id}`)).toEqual([])
  })

  test('goes with at most a thousand of them at once, the earliest first; one that is live stays', async () => {
    const ada = await person()
    await forget(bench.db, 'sessions', clock.now() + 365 * DAY_MS)
    const bob = await person()
    await exec(
      bench.db,
      sql`insert into identity.sessions (id, person_id, token_hash, amr, auth_time, delivery, device, ip_prefix, idle_expires_at, absolute_expires_at)
          select gen_random_uuid(), ${ada.personId}, 'swept ' || n, '{passkey}', ${ago(90)}, 'cookie', 'x', 'x',
                 ${ago(60)}, ${ago(50)}::timestamptz - n * interval '1 second'
            from generate_series(1, 1001) as n`,
    )
    expect(await forget(bench.db, 'sessions', clock.now())).toBe(1000)
    expect(
      await many(bench.db, z.object({ hash: z.string() }), sql`select token_hash as hash from identity.sessions where person_id = ${ada.personId}`),
    ).toEqual([{ hash: 'swept 1' }])
    expect(await forget(bench.db, 'sessions', clock.now())).toBe(1)
    expect((await bench.introspect(bob.session)).body).toMatchObject({ active: true })
  })
})

describe('a token of an agent', () => {
  /** Ada's agent with a token that was revoked, one that is good for a day and one for a year. */
  async function given() {
    const ada = await person()
    const { id: engagement } = await openedBy(bench, ada)
    const ask = (method: 'POST' | 'DELETE', at: string, body?: object) => bench.ask(method, at, { session: ada.session, ...(body && { body }) })
    const agent = (await ask('POST', `/engagements/${engagement}/agents`, { name: 'Scribe', purpose: 'Writes.' })).body.id
    const give = async (days: number): Promise<string> =>
      (await ask('POST', `/agents/${agent}/tokens`, { scopes: ['memory.read'], expires_in_days: days })).body.id
    const [revoked, ofADay, ofAYear] = [await give(365), await give(1), await give(365)]
    await ask('DELETE', `/agents/${agent}/tokens/${revoked}`)
    const kept = async () => {
      const found = await many(bench.db, ID, sql`select id from identity.agent_tokens where agent_id = ${agent}`)
      return [revoked, ofADay, ofAYear].map((id) => found.some((each) => each.id === id))
    }
    return { kept, begin: clock.now() }
  }

  test('is forgotten 90 days after it was revoked or expired, and no sooner', async () => {
    const { kept, begin } = await given()
    await forget(bench.db, 'agent_tokens', begin + 90 * DAY_MS)
    expect(await kept()).toEqual([true, true, true])
    await forget(bench.db, 'agent_tokens', begin + 90 * DAY_MS + 1)
    expect(await kept()).toEqual([false, true, true])
    await forget(bench.db, 'agent_tokens', begin + 91 * DAY_MS)
    expect(await kept()).toEqual([false, true, true])
    await forget(bench.db, 'agent_tokens', begin + 91 * DAY_MS + 1)
    expect(await kept()).toEqual([false, false, true])
  })
})

test('a round of tidying forgets sessions and tokens of agents that ended long ago', async () => {
  const { personId } = await person()
  const agent = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44'
  await exec(
    bench.db,
    sql`insert into identity.agents (id, name, purpose, instruction_version, state, created_at) values (${agent}, 'x', 'x', 1, 'active', ${ago(200)})`,
  )
  await exec(
    bench.db,
    sql`insert into identity.agent_tokens (id, agent_id, token_hash, prefix, scopes, created_by, created_at, expires_at)
        values (gen_random_uuid(), ${agent}, 'over', 'lwa_', '{memory.read}', ${personId}, ${ago(200)}, ${ago(100)})`,
  )
  await exec(bench.db, sql`update identity.sessions set absolute_expires_at = ${ago(31)} where person_id = ${personId}`)
  await sweep({ db: bench.db, clock, signing: { rotate: async () => undefined } } as unknown as Parameters<typeof sweep>[0])
  expect(await many(bench.db, ID, sql`select id from identity.agent_tokens where agent_id = ${agent}`)).toEqual([])
  expect(await many(bench.db, ID, sql`select id from identity.sessions where person_id = ${personId}`)).toEqual([])
})
