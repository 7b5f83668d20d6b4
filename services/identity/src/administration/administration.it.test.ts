import { type Db, exec, many, sql } from '@loomworks/sql'
import { eventually, fakeClock, waitingIn } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { adminGrant } from '../roles.ts'
import { begun, loggedIn, type SignedUp, signedUp, withFactors } from '../signing-up.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 20)
const FIVE_MINUTES_MS = 300_000
const NOBODY = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44'
const clock = fakeClock()
let bench: IdentityBench
/** Is an administrator through all tests; has just proven it. */
let root: SignedUp
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
  root = await signedUp(bench, { email: 'root@example.org' })
  await adminGrant(bench.db, 'root@example.org')
})
afterAll(() => bench[Symbol.asyncDispose]())

let next = 0
const person = () => {
  clock.advance(1)
  return signedUp(bench, { email: `p${++next}@example.org` })
}
async function rootSession(): Promise<string> {
  // Of fifty sessions of one moment nobody can say which is the oldest.
  clock.advance(1)
  return (await loggedIn(bench, root.authenticator)).body.session.token
}
const asked = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object, session?: string) =>
  bench.ask(method, `/admin/persons${url}`, { session: session ?? (await rootSession()), ...(body && { body }) })
const lock = (id: string, session?: string) => asked('POST', `/${id}/lock`, { reason: 'ticket 4711' }, session)
const unlock = (id: string) => asked('POST', `/${id}/unlock`)
const grant = (id: string, role: string, session?: string) => asked('PUT', `/${id}/roles/${role}`, undefined, session)
const take = (id: string, role: string, session?: string) => asked('DELETE', `/${id}/roles/${role}`, undefined, session)
const active = async (token: string) => (await bench.introspect(token)).body

async function told(personId: string, ...types: string[]) {
  const facts = await bench.told(types, personId)
  return facts.map(({ type, data }) => ({ type, ...data }))
}

describe('persons', () => {
  test('are seen by staff as who they are, without an engagement or content', async () => {
    const ada = await person()
    const { status, body } = await asked('GET', `/${ada.personId}`)
    expect(status).toBe(200)
    expect(body).toEqual({
      id: ada.personId,
      email: `p${next}@example.org`,
      email_verified: false,
      display_name: 'Ada',
      state: 'active',
      locked_reason: null,
      account_status: 'active',
      roles: [],
      passkeys: 1,
      totp: true,
      recovery_codes_left: 10,
      created_at: expect.any(String),
      activated_at: expect.any(String),
    })
  })

  test('are listed, the newest first, page by page, by address and by state', async () => {
    const [ada, eve] = [await person(), await person()]
    const first = await asked('GET', '?limit=1')
    expect(first.body).toMatchObject({ items: [{ id: eve.personId }], next_cursor: eve.personId })
    expect((await asked('GET', `?limit=1&cursor=${eve.personId}`)).body.items).toMatchObject([{ id: ada.personId }])
    expect((await asked('GET', `?email=${encodeURIComponent(` P${next}@EXAMPLE.org`)}`)).body.items).toMatchObject([{ id: eve.personId }])
    expect((await asked('GET', '?email=nobody%40example.org')).body).toEqual({ items: [], next_cursor: null })
    await lock(ada.personId)
    expect((await asked('GET', '?state=locked')).body.items.map(({ id }: { id: string }) => id)).toContain(ada.personId)
    expect((await asked('GET', '?state=active')).body.items.map(({ id }: { id: string }) => id)).not.toContain(ada.personId)
    for (const query of ['?limit=0', '?limit=101', '?state=pending', '?state=x', '?cursor=x', '?name=Ada', '?email='])
      expect(await asked('GET', query)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })

  test('ID-INV-1: who is pending is nobody', async () => {
    const ada = await person()
    await withFactors(bench, { email: `half${next}@example.org` })
    await exec(bench.db, sql`update identity.persons set state = 'pending', activated_at = null where id = ${ada.personId}`)
    expect(await asked('GET', `/${ada.personId}`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect((await asked('GET', `?email=p${next}%40example.org`)).body.items).toEqual([])
    for (const act of [() => lock(ada.personId), () => unlock(ada.personId), () => grant(ada.personId, 'ops'), () => take(ada.personId, 'ops')])
      expect(await act()).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await asked('POST', `/${ada.personId}/revoke-sessions`)).toMatchObject({ status: 404 })
    expect(await asked('POST', `/${ada.personId}/enrolment-token`)).toMatchObject({ status: 404 })
  })

  test('who were erased have no name and no address', async () => {
    const ada = await person()
    await exec(bench.db, sql`update identity.persons set state = 'erased' where id = ${ada.personId}`)
    expect((await asked('GET', `/${ada.personId}`)).body).toMatchObject({ state: 'erased', email: null, display_name: null })
    expect((await asked('GET', `?email=p${next}%40example.org`)).body.items).toEqual([])
    expect((await asked('GET', '?state=erased')).body.items).toMatchObject([{ id: ada.personId }])
  })

  test('are for staff, and are acted on by who has just shown a passkey', async () => {
    const [ada, helper] = [await person(), await person()]
    const calls = [
      ['GET', ''],
      ['GET', `/${ada.personId}`],
      ['POST', `/${ada.personId}/lock`],
      ['POST', `/${ada.personId}/unlock`],
      ['POST', `/${ada.personId}/revoke-sessions`],
      ['PUT', `/${ada.personId}/roles/ops`],
      ['DELETE', `/${ada.personId}/roles/ops`],
      ['POST', `/${ada.personId}/enrolment-token`],
    ] as const
    for (const [method, url] of calls) {
      expect(await asked(method, url, undefined, helper.session)).toMatchObject({ status: 403, body: { code: 'auth.role_missing' } })
      expect(await bench.ask(method, `/admin/persons${url}`)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    }
    await grant(helper.personId, 'support')
    expect(await asked('GET', '', undefined, helper.session)).toMatchObject({ status: 200 })
    for (const [method, url] of calls.slice(5))
      expect(await asked(method, url, undefined, helper.session)).toMatchObject({ body: { code: 'auth.role_missing' } })
    clock.advance(FIVE_MINUTES_MS)
    for (const [method, url] of calls.slice(2, 5))
      expect(await asked(method, url, undefined, helper.session)).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
  })
})

describe('locking', () => {
  test('ends every session, lets nobody in, and is told with its reason', async () => {
    const ada = await person()
    expect(await lock(ada.personId)).toMatchObject({ status: 200, body: { id: ada.personId, state: 'locked', locked_reason: 'ticket 4711' } })
    expect(await active(ada.session)).toEqual({ active: false, code: 'token_refused' })
    expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 403, body: { code: 'account_locked' } })
    expect(await told(ada.personId, 'PersonLocked', 'SessionRevoked')).toEqual([
      { type: 'SessionRevoked', personId: ada.personId, sessionId: ada.answer.body.session.id, reason: 'locked' },
      { type: 'PersonLocked', personId: ada.personId, by: { kind: 'person', id: root.personId }, reason: 'ticket 4711' },
    ])
  })

  test('ID-INV-11: goes from active alone, and back from locked alone', async () => {
    const ada = await person()
    expect(await unlock(ada.personId)).toMatchObject({ status: 409, body: { code: 'person.state', from: 'active', to: 'active' } })
    await lock(ada.personId)
    expect(await lock(ada.personId)).toMatchObject({ status: 409, body: { code: 'person.state', from: 'locked', to: 'locked' } })
    expect(await unlock(ada.personId)).toMatchObject({ status: 200, body: { state: 'active', locked_reason: null } })
    expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 200 })
    expect((await told(ada.personId, 'PersonLocked', 'PersonUnlocked')).map(({ type }) => type)).toEqual(['PersonLocked', 'PersonUnlocked'])
    for (const state of ['erasing', 'erased']) {
      await exec(bench.db, sql`update identity.persons set state = ${state} where id = ${ada.personId}`)
      expect(await lock(ada.personId)).toMatchObject({ status: 409, body: { from: state } })
      expect(await unlock(ada.personId)).toMatchObject({ status: 409, body: { from: state } })
      expect(await grant(ada.personId, 'ops')).toMatchObject({ status: 409, body: { code: 'person.state', from: state } })
    }
  })

  test('needs a reason that holds no address, and somebody to lock', async () => {
    const ada = await person()
    for (const body of [{}, { reason: 'x' }, { reason: 'ada@example.org' }, { reason: 'x'.repeat(501) }])
      expect(await asked('POST', `/${ada.personId}/lock`, body)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await lock(NOBODY)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await unlock(NOBODY)).toMatchObject({ status: 404 })
  })

  test('while logins are under way leaves no session open', { timeout: 30_000 + ROUNDS * 3000 }, async () => {
    const ada = await person()
    for (let round = 0; round < ROUNDS; round++) {
      const session = await rootSession()
      const logins = Array.from({ length: 8 }, () => loggedIn(bench, ada.authenticator, { counter: 0 }))
      const [locked, ...answers] = await Promise.all([lock(ada.personId, session), ...logins])
      expect(locked?.status).toBe(200)
      for (const { status, body } of answers) {
        if (status === 200) expect(await active(body.session.token)).toMatchObject({ active: false })
        else expect(body.code).toBe('account_locked')
      }
      const open = await many(
        bench.db,
        z.object({ id: z.string() }),
        sql`select id from identity.sessions where person_id = ${ada.personId} and revoked_at is null`,
      )
      expect(open).toEqual([])
      await unlock(ada.personId)
    }
  })
})

test('staff ends all sessions of a person, who may log in again', async () => {
  const ada = await person()
  const second = (await loggedIn(bench, ada.authenticator)).body.session.token
  expect(await asked('POST', `/${ada.personId}/revoke-sessions`)).toMatchObject({ status: 204 })
  for (const token of [ada.session, second]) expect(await active(token)).toMatchObject({ active: false })
  expect(await told(ada.personId, 'SessionRevoked')).toMatchObject([{ reason: 'revoked' }, { reason: 'revoked' }])
  expect(await loggedIn(bench, ada.authenticator)).toMatchObject({ status: 200 })
  expect(await asked('POST', `/${NOBODY}/revoke-sessions`)).toMatchObject({ status: 404 })
})

/** Does anybody hold the lock under which the last administrator is looked for? */
async function holdsLastAdmin(db: Db): Promise<boolean> {
  const held = sql`select l.pid
                     from pg_locks l
                     join pg_database d on d.oid = l.database
                    where d.datname = current_database() and l.locktype = 'advisory' and l.objid = 7430003`
  return (await many(db, z.object({ pid: z.int() }), held)).length > 0
}

describe('a role', () => {
  const rolesOf = async (session: string) => (await bench.ask('GET', '/me', { session })).body.roles

  test('is given and taken, each told once, however often it is said', async () => {
    const ada = await person()
    for (let count = 0; count < 2; count++) expect(await grant(ada.personId, 'auditor')).toMatchObject({ status: 204 })
    expect(await rolesOf(ada.session)).toEqual(['auditor'])
    for (let count = 0; count < 2; count++) expect(await take(ada.personId, 'auditor')).toMatchObject({ status: 204 })
    expect(await rolesOf(ada.session)).toEqual([])
    const by = { kind: 'person', id: root.personId }
    expect(await told(ada.personId, 'RoleGranted', 'RoleRevoked')).toEqual([
      { type: 'RoleGranted', personId: ada.personId, by, role: 'auditor' },
      { type: 'RoleRevoked', personId: ada.personId, by, role: 'auditor' },
    ])
    expect(await grant(ada.personId, 'king')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    expect(await grant(NOBODY, 'ops')).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await take(NOBODY, 'ops')).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('ID-INV-10: the last administrator stays one, and is not locked', async () => {
    expect(await take(root.personId, 'admin')).toMatchObject({ status: 409, body: { code: 'role.last_admin' } })
    expect(await lock(root.personId)).toMatchObject({ status: 409, body: { code: 'role.last_admin' } })
    const ada = await person()
    await grant(ada.personId, 'admin')
    await lock(ada.personId)
    expect(await take(root.personId, 'admin')).toMatchObject({ status: 409, body: { code: 'role.last_admin' } })
    expect(await take(ada.personId, 'admin')).toMatchObject({ status: 204 })
  })

  test.each([
    ['taken', (id: string, by: string) => take(id, 'admin', by), 204],
    ['given', (id: string, by: string) => grant(id, 'admin', by), 204],
    ['of somebody who is locked out', (id: string, by: string) => lock(id, by), 200],
  ] as const)('%s waits for its person before it holds anything else, so that no two wait for each other', async (_what, act, status) => {
    const ada = await person()
    await grant(ada.personId, 'admin')
    const by = await rootSession()
    const { acting, held } = await bench.db.transaction(async (tx) => {
      await exec(tx, sql`select from identity.persons where id = ${ada.personId} for update`)
      const begun = act(ada.personId, by)
      await eventually(async () => expect(await waitingIn(bench.db)).toHaveLength(1))
      const free = await many(
        tx,
        z.object({ role: z.string() }),
        sql`select role from identity.person_roles where person_id = ${ada.personId} for update skip locked`,
      )
      return { acting: begun, held: { roles: free.length === 0, lastAdmin: await holdsLastAdmin(tx) } }
    })
    expect(held).toEqual({ roles: false, lastAdmin: false })
    expect(await acting).toMatchObject({ status })
    await take(ada.personId, 'admin')
  })

  test('ID-INV-10: of two administrators who remove each other fifty times at once one stays', { timeout: 30_000 + ROUNDS * 3000 }, async () => {
    const ada = await person()
    for (let round = 0; round < ROUNDS; round++) {
      await grant(ada.personId, 'admin')
      const sessions = [await rootSession(), (await loggedIn(bench, ada.authenticator)).body.session.token]
      const ids = [ada.personId, root.personId]
      await Promise.all(Array.from({ length: 50 }, (_, index) => take(ids[index % 2] ?? '', 'admin', sessions[index % 2])))
      const admins = await many(bench.db, z.object({ person_id: z.string() }), sql`select person_id from identity.person_roles where role = 'admin' and active`)
      expect(admins).toHaveLength(1)
      await adminGrant(bench.db, 'root@example.org')
    }
    await take(ada.personId, 'admin')
  })
})

test('begun signups are no persons', async () => {
  const { id } = await begun(bench, { email: `begun${++next}@example.org` })
  expect(await asked('GET', `/${id}`)).toMatchObject({ status: 404 })
})
