// Every kind of finding of `loom saga reconcile`, planted into a deployment that is in order; what can be mended is.
import { commandSubject } from '@loomworks/contracts'
import { derivedId, newId, tokenHash } from '@loomworks/kernel'
import { type Database, exec, many, openDatabase, type Sql, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { proven } from '../signup/ceremony.ts'
import { startWhole, type Whole } from '../whole.ts'
import { loomIn } from './command.ts'

let whole: Whole
let db: Database
let completed: string
let aborted: string
beforeAll(async () => {
  whole = await startWhole()
  db = openDatabase({ url: whole.instance.adminUrl, max: 2, applicationName: 'reconcile', onError: () => undefined })
  await whole.admin()
  const taken = whole.newcomer()
  await taken.signUp()
  const second = await proven(whole.url, { ...whole.newcomer(), email: taken.email })
  await second.finish()
  await whole.holds()
  ;[completed, aborted] = await Promise.all([sagaIn('completed'), sagaIn('aborted')])
  await aged()
})
afterAll(async () => {
  await db.close()
  await whole[Symbol.asyncDispose]()
})

async function sagaIn(state: string): Promise<string> {
  const [row] = await many(
    db,
    z.object({ saga_id: z.string() }),
    sql`select saga_id from identity.saga_open where state = ${state} order by started_at limit 1`,
  )
  return row?.saga_id ?? ''
}

/** Everything happened some minutes ago: what is younger than one may still be under way. */
async function aged(): Promise<void> {
  const statements: readonly Sql[] = [
    sql`update identity.saga_fence set last_seen_at = last_seen_at - interval '5 minutes'`,
    sql`update memory.saga_fence set last_seen_at = last_seen_at - interval '5 minutes'`,
    sql`update credit.saga_fence set last_seen_at = last_seen_at - interval '5 minutes'`,
    sql`update identity.persons set activated_at = activated_at - interval '5 minutes', created_at = created_at - interval '5 minutes'`,
    sql`update memory.engagement_v1 set opened_at = opened_at - interval '5 minutes'`,
    sql`update credit."grant" set reserved_at = reserved_at - interval '5 minutes' where reserved_at is not null`,
    sql`update identity.saga_open set updated_at = updated_at - interval '5 minutes'`,
  ]
  for (const statement of statements) await exec(db, statement)
}

const Found = z.object({ findings: z.array(z.looseObject({ kind: z.string(), proposed: z.string(), applied: z.boolean() })), checked: z.int() })

async function reconcile(...args: readonly string[]): Promise<z.output<typeof Found> & { readonly code: number | null }> {
  const { code, stdout, stderr } = await loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, ['saga', 'reconcile', '--json', ...args])
  expect(stderr).toMatch(/^(?:\d+ found\.\n)?$/)
  return { ...Found.parse(JSON.parse(stdout)), code }
}

const APPLY = ['--apply', '--reason', 'after a restore'] as const

test('a deployment that is in order: nothing is found', async () => {
  expect(await reconcile()).toMatchObject({ code: 0, findings: [], checked: expect.any(Number) })
})

test('an effect of a saga that was aborted, and a fence of one that never was', async () => {
  await exec(
    db,
    sql`update identity.saga_fence set state = 'done', reply = '{"outcome":"done","data":{"credentialCount":1},"at":"2030-01-02T03:04:05.678Z"}' where saga_id = ${aborted} and step = 'createPending'`,
  )
  const stranger = newId()
  await exec(db, sql`insert into memory.saga_fence (saga_id, step, state, last_seen_at) values (${stranger}, 'induct', 'done', now() - interval '5 minutes')`)
  const { code, findings } = await reconcile()
  expect(code).toBe(1)
  expect(findings).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        kind: 'status_mismatch',
        saga_id: aborted,
        step: 'createPending',
        says: { saga: 'aborted', other: 'done' },
        proposed: 'undo',
        applied: false,
      }),
      expect.objectContaining({ kind: 'fence_without_saga', saga_id: stranger, step: 'induct', service: 'memory', proposed: 'undo' }),
    ]),
  )
  const applied = await reconcile(...APPLY)
  expect(applied.findings.filter(({ proposed }) => proposed === 'undo').every(({ applied: done }) => done)).toBe(true)
  await eventually(async () => {
    const states = await many(
      db,
      z.object({ state: z.string() }),
      sql`select state from identity.saga_fence where saga_id = ${aborted} and step = 'createPending' union all select state from memory.saga_fence where saga_id = ${stranger}`,
    )
    // Memory's stream says that nothing was ever done there, so what is left is the tombstone.
    expect(states).toEqual([{ state: 'undone' }, { state: 'tombstone' }])
  })
  expect((await reconcile()).findings).toEqual([])
})

test('a person who is pending and belongs to no saga', async () => {
  const id = newId()
  await exec(
    db,
    sql`insert into identity.persons (id, user_handle, email, email_lookup, display_name, signup_display_name, state, created_at)
        values (${id}, ${Buffer.alloc(32, 7)}, 'left', 'left', 'left', 'left', 'pending', now() - interval '5 minutes')`,
  )
  expect((await reconcile()).findings).toMatchObject([{ kind: 'pending_person_without_saga', ref: id, proposed: 'inspect' }])
  await exec(db, sql`delete from identity.persons where id = ${id}`)
})

test('an imported person whose adoption was undone again and again; one who was adopted is in order', async () => {
  const [adopted, left] = [newId(), newId()]
  const imported = (id: string, attempts: number) =>
    sql`insert into identity.persons (id, user_handle, email, email_lookup, display_name, signup_display_name, state, created_at, imported_at, adopt_attempt, adopt_due_at)
        values (${id}, decode(md5(${id}) || md5(${id}), 'hex'), ${id}, ${id}, 'left', 'left', 'pending', now(), now(), ${attempts},
                case when ${attempts} > 0 then now() + interval '1 hour' end)`
  await exec(db, imported(left, 5))
  await exec(db, imported(adopted, 0))
  const owned = sql`select p.state from identity.persons p join memory.engagement_v1 e on e.owner = p.id where p.id = ${adopted}`
  await eventually(async () => expect(await many(db, z.object({ state: z.string() }), owned)).toEqual([{ state: 'active' }]))
  await aged()
  expect((await reconcile()).findings).toEqual([expect.objectContaining({ kind: 'person_without_engagement', ref: left, proposed: 'inspect' })])
  await exec(db, sql`delete from identity.persons where id = ${left}`)
})

test('a grant that is held for a saga that has ended is given back', async () => {
  const admin = await whole.admin()
  const { claim_token } = await admin.expect(201, 'POST', '/admin/grants', {
    recipient_email: `${newId()}@example.org`,
    grant_kind: 'operator_curated',
    asset_id: 'loomworks_credit_opus',
    credit_amount: '500',
  })
  const held = sql`claim_token_hash = ${tokenHash(claim_token)}`
  await exec(
    db,
    sql`update credit."grant" set reserved_by = ${aborted}, reserved_for = ${derivedId(aborted, 'person')}, reserved_at = now() - interval '5 minutes' where ${held}`,
  )
  await exec(db, sql`insert into credit.saga_fence (saga_id, step, state, last_seen_at) values (${aborted}, 'reserve', 'done', now() - interval '5 minutes')`)
  const { findings } = await reconcile()
  expect(findings).toEqual(expect.arrayContaining([expect.objectContaining({ kind: 'reserved_grant_without_saga', saga_id: aborted, proposed: 'undo' })]))
  await reconcile(...APPLY)
  await eventually(async () =>
    expect(await many(db, z.object({ reserved_by: z.string().nullable() }), sql`select reserved_by from credit."grant" where ${held}`)).toEqual([
      { reserved_by: null },
    ]),
  )
  await eventually(async () => expect((await reconcile()).findings).toEqual([]))
})

test('an engagement that nobody owns, and a person who owns none', async () => {
  const stranger = newId()
  const person = derivedId(completed, 'person')
  await exec(db, sql`update memory.engagement_v1 set owner = ${stranger} where owner = ${person}`)
  const { findings } = await reconcile()
  expect(findings).toMatchObject([
    { kind: 'person_without_engagement', ref: person, proposed: 'inspect' },
    { kind: 'engagement_without_owner', ref: derivedId(completed, 'engagement'), saga_id: completed, proposed: 'inspect' },
  ])
  await exec(db, sql`update memory.engagement_v1 set owner = ${person} where owner = ${stranger}`)
})

test('an effect whose fence is gone', async () => {
  await exec(db, sql`delete from memory.saga_fence where saga_id = ${completed}`)
  expect((await reconcile()).findings).toMatchObject([
    { kind: 'effect_without_fence', service: 'memory', step: 'induct', saga_id: completed, proposed: 'inspect' },
  ])
  await exec(db, sql`insert into memory.saga_fence (saga_id, step, state, last_seen_at) values (${completed}, 'induct', 'done', now() - interval '5 minutes')`)
})

test('a row of the list that is behind its stream is written anew', async () => {
  await exec(
    db,
    sql`update identity.saga_open set state = 'running', revision = 1, next_due_at = null, updated_at = now() - interval '5 minutes' where saga_id = ${completed}`,
  )
  const { findings } = await reconcile(...APPLY)
  expect(findings).toMatchObject([
    { kind: 'status_mismatch', saga_id: completed, says: { saga: 'completed', other: 'running' }, proposed: 'relist', applied: true },
  ])
  await exec(db, sql`update identity.saga_open set updated_at = updated_at - interval '5 minutes' where saga_id = ${completed}`)
  expect((await reconcile()).findings).toEqual([])
})

test('a dead letter of a saga that is open goes out again', async () => {
  await whole.instance.part('memory').stop()
  const registration = await proven(whole.url, whole.newcomer())
  const finished = registration.finish()
  const Row = z.object({ saga_id: z.string() })
  const open = await eventually(async () => Row.parse((await many(db, Row, sql`select saga_id from identity.saga_open where state = 'running'`))[0]).saga_id)
  await whole.instance.platform.bus.publish({ subject: commandSubject('identity', open, 'createPending', 'do'), id: newId(), data: '{}' })
  await loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, ['saga', 'pause', open, '--reason', 'held for a look'])
  await whole.instance.part('memory').start()
  const findings = await eventually(async () => {
    const found = (await reconcile(...APPLY)).findings.filter(({ kind }) => kind === 'dead_letter_of_open_saga')
    expect(found).toMatchObject([{ saga_id: open, service: 'identity', proposed: 'redrive', applied: true }])
    return found
  })
  const { code, stdout } = await loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, ['saga', 'dlq', 'show', String(findings[0]?.ref)])
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/redriven at \S+ by service operator: after a restore/) })
  await loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, ['saga', 'unpause', open, '--reason', 'looked at'])
  expect([200, 202]).toContain((await finished).status)
  await eventually(async () => expect(await registration.progress()).toMatchObject({ state: 'completed' }))
})

test('replaying every history is a gate: nothing differs', async () => {
  for (const way of [[], ['--direct']]) {
    const { code, stdout } = await loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, ['saga', 'replay', '--all', ...way])
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+ replayed, 0 of a version that is gone\.\n$/) })
  }
  expect(await loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, ['saga', 'replay', completed])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('all as stored'),
  })
})
