import { SETTINGS } from '@loomworks/contracts'
import { exec, sql } from '@loomworks/sql'
import { eventually, fakeClock } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { adminGrant } from '../roles.ts'
import { type SignedUp, signedUp } from '../signing-up.ts'

const DEPLOYMENT = '00000000-0000-0000-0000-000000000000'
const KEY = 'companion.suggest_after'
const clock = fakeClock()
let bench: IdentityBench
let ada: SignedUp
let admin: SignedUp
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), clock, environment: { SETTING_COMPANION_ASKS_PER_DAY: '20' } })
  admin = await signedUp(bench, { email: 'admin@example.org' })
  await adminGrant(bench.db, 'admin@example.org')
})
beforeAll(async () => {
  ada = await signedUp(bench, { email: 'ada@example.org' })
})
afterAll(() => bench[Symbol.asyncDispose]())

const show = (key: string, who = ada) => bench.ask('GET', `/me/settings/${key}`, { session: who.session })
const set = (key: string, value: unknown, headers: Record<string, string> = {}, path = '/me', who = ada) =>
  bench.ask('PUT', `${path}/settings/${key}`, { session: who.session, body: { value }, headers })
const takeBack = (key: string, path = '/me', who = ada, headers: Record<string, string> = {}) =>
  bench.ask('DELETE', `${path}/settings/${key}`, { session: who.session, headers })
const told = async (scopeId: string) => (await bench.told('SettingChanged', scopeId)).map(({ data }) => data)

describe('a setting of one’s own', () => {
  test('is the standard until it is set, and says from where it has its value', async () => {
    expect(await show(KEY)).toMatchObject({ status: 200, body: { value: 12, source: 'standard', standard: 12, version: 0 }, headers: { etag: '"0"' } })
    expect(await set(KEY, 20)).toMatchObject({ status: 200, body: { value: 20, source: 'person', version: 1 }, headers: { etag: '"1"' } })
    expect(await show(KEY, admin)).toMatchObject({ body: { value: 12 } })
  })

  test('taken back is what the deployment has, and what it was and became is told', async () => {
    await set('companion.proactive', false)
    expect(await takeBack('companion.proactive')).toMatchObject({ status: 204 })
    expect(await takeBack('companion.proactive')).toMatchObject({ status: 204 })
    expect(await show('companion.proactive')).toMatchObject({ body: { value: true, source: 'standard', version: 2 } })
    await set('companion.proactive', false)
    const mine = { scope: 'person', scopeId: ada.personId, key: 'companion.proactive' }
    expect((await told(ada.personId)).filter(({ key }) => key === 'companion.proactive')).toEqual([
      { ...mine, to: false, version: 1 },
      { ...mine, from: false, version: 2 },
      { ...mine, to: false, version: 3 },
    ])
  })

  test('set to what it is states nothing', async () => {
    await set('voice.listening.blur_intensity', 11)
    expect(await set('voice.listening.blur_intensity', 11)).toMatchObject({ status: 200, body: { version: 1 } })
  })

  test('is changed only by who has read it, where they say what they read', async () => {
    const { headers } = await show('companion.asks_per_day')
    const tag = { 'if-match': String(headers.etag) }
    expect(await set('companion.asks_per_day', 3, tag)).toMatchObject({ status: 200 })
    expect(await set('companion.asks_per_day', 4, tag)).toMatchObject({ status: 412, body: { code: 'version_mismatch', current_version: 1 } })
    expect(await set('companion.asks_per_day', 4, { 'if-match': 'W/"1"' })).toMatchObject({ status: 400, body: { code: 'malformed_request' } })
    expect(await set('companion.asks_per_day', 4, { 'if-match': '*' })).toMatchObject({ status: 200, body: { version: 2 } })
    expect(await takeBack('companion.asks_per_day', '/me', ada, tag)).toMatchObject({ status: 412, body: { code: 'version_mismatch', current_version: 2 } })
    expect(await takeBack('companion.asks_per_day', '/me', ada, { 'if-match': '"2"' })).toMatchObject({ status: 204 })
  })

  test('changed fifty times at once has fifty versions and fifty facts', async () => {
    const grace = await signedUp(bench, { email: 'grace@example.org' })
    await Promise.all(Array.from({ length: 50 }, (_, n) => set(KEY, 5 + (n % 45), {}, '/me', grace)))
    const versions = (await told(grace.personId)).map(({ version }) => version)
    expect(versions).toEqual(Array.from({ length: versions.length }, (_, n) => n + 1))
    expect((await show(KEY, grace)).body.version).toBe(versions.length)
  })

  test('that lets the Companion act more freely needs a fresh passkey', async () => {
    const grace = await signedUp(bench, { email: 'grace2@example.org' })
    const hours = { ...SETTINGS['companion.active_hours'].standard, to: '23:00' }
    clock.advance(301_000)
    expect(await set('companion.active_hours', hours, {}, '/me', grace)).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
    expect(await takeBack('companion.active_hours', '/me', grace)).toMatchObject({ status: 403, body: { code: 'step_up_required' } })
    expect(await set(KEY, 7, {}, '/me', grace)).toMatchObject({ status: 200 })
  })

  test('needs no passkey to silence the Companion, and one to let it speak first again, whether it is set or taken back', async () => {
    const grace = await signedUp(bench, { email: 'grace4@example.org' })
    clock.advance(301_000)
    const speaks = (value: boolean) => set('companion.proactive', value, {}, '/me', grace)
    expect(await takeBack('companion.proactive', '/me', grace)).toMatchObject({ status: 204 })
    expect(await speaks(true)).toMatchObject({ status: 200, body: { raises_authority: true } })
    expect(await speaks(false)).toMatchObject({ status: 200, body: { value: false } })
    expect(await speaks(true)).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
    expect(await takeBack('companion.proactive', '/me', grace)).toMatchObject({ status: 403, body: { code: 'step_up_required', level: 'passkey' } })
    expect(await show('companion.proactive', grace)).toMatchObject({ body: { value: false } })
    await exec(
      bench.db,
      sql`insert into identity.settings (scope, scope_id, key, value, version, updated_by, updated_at)
                             values ('system', ${DEPLOYMENT}, 'companion.proactive', 'false', 1, '{}', now())`,
    )
    expect(await takeBack('companion.proactive', '/me', grace)).toMatchObject({ status: 204 })
    await exec(bench.db, sql`delete from identity.settings where scope = 'system' and key = 'companion.proactive'`)
  })

  test.each([
    ['an unknown key', 'companion.mood', 1, 404, 'setting.unknown'],
    ['a key of every object', 'constructor', 1, 404, 'setting.unknown'],
    ['a key of the deployment', 'signup.mode', 'closed', 404, 'setting.unknown'],
    ['a value beyond the bounds', KEY, 51, 422, 'setting.invalid'],
    ['a value of another type', KEY, 'many', 422, 'setting.invalid'],
    ['a float', KEY, 12.5, 422, 'invalid_body'],
    ['a value that no setting has', KEY, null, 422, 'invalid_body'],
  ] as const)('is refused: %s', async (_what, key, value, status, code) => {
    expect(await set(key, value)).toMatchObject({ status, body: { code } })
    if (code === 'setting.unknown') {
      expect(await show(key)).toMatchObject({ status, body: { code } })
      expect(await takeBack(key)).toMatchObject({ status, body: { code } })
    }
  })
})

test('all that can be set at a place are listed by key', async () => {
  const { body } = await bench.ask('GET', '/me/settings', { session: ada.session })
  const keys = Object.entries(SETTINGS).flatMap(([key, { scopes }]) => ((scopes as readonly string[]).includes('person') ? [key] : []))
  expect(body.items.map(({ key }: { key: string }) => key)).toEqual(keys.toSorted())
})

describe('a setting of the deployment', () => {
  test('is what the environment says until an administrator sets it, and then what persons have who set nothing', async () => {
    const grace = await signedUp(bench, { email: 'grace3@example.org' })
    const chief = await signedUp(bench, { email: 'chief@example.org' })
    await adminGrant(bench.db, 'chief@example.org')
    expect(await show('companion.asks_per_day', grace)).toMatchObject({ body: { value: 20, source: 'standard', standard: 20 } })
    expect(await set('companion.asks_per_day', 30, {}, '/admin', chief)).toMatchObject({ status: 200, body: { source: 'system' } })
    expect(await show('companion.asks_per_day', grace)).toMatchObject({ body: { value: 30, source: 'system', version: 0 } })
    expect(await told(DEPLOYMENT)).toMatchObject([{ scope: 'system', key: 'companion.asks_per_day', to: 30 }])
    expect(await takeBack('companion.asks_per_day', '/admin', chief)).toMatchObject({ status: 204 })
    expect(await bench.ask('GET', '/admin/settings/companion.asks_per_day', { session: chief.session })).toMatchObject({ body: { value: 20 } })
  })

  test('counts within a second', async () => {
    const chief = await signedUp(bench, { email: 'chief2@example.org' })
    await adminGrant(bench.db, 'chief2@example.org')
    await set('signup.mode', 'closed', {}, '/admin', chief)
    clock.advance(1000)
    const begin = () => bench.ask('POST', '/auth/signup/begin', { body: { email: 'late@example.org', display_name: 'Late' } })
    await eventually(async () => expect(await begin()).toMatchObject({ status: 403, body: { code: 'signup.closed' } }))
    await takeBack('signup.mode', '/admin', chief)
    clock.advance(1000)
    await eventually(async () => expect(await begin()).toMatchObject({ status: 200 }))
  })

  test('is nobody else’s to see or set', async () => {
    for (const answer of [
      await bench.ask('GET', '/admin/settings', { session: ada.session }),
      await set('signup.mode', 'closed', {}, '/admin'),
      await takeBack('signup.mode', '/admin'),
    ])
      expect(answer).toMatchObject({ status: 403, body: { code: 'auth.role_missing' } })
    expect(await bench.ask('GET', '/admin/settings')).toMatchObject({ status: 401 })
  })

  test('is written only after a fresh passkey', async () => {
    clock.advance(301_000)
    expect(await set('credit.license_days', 10, {}, '/admin', admin)).toMatchObject({ status: 403, body: { code: 'step_up_required' } })
    expect(await takeBack('credit.license_days', '/admin', admin)).toMatchObject({ status: 403, body: { code: 'step_up_required' } })
  })

  test('is changed only by who has read it, where they say what they read', async () => {
    const chief = await signedUp(bench, { email: 'reader@example.org' })
    await adminGrant(bench.db, 'reader@example.org')
    expect(await set('credit.license_days', 10, { 'if-match': '"0"' }, '/admin', chief)).toMatchObject({ status: 200, body: { version: 1 } })
    const stale = { status: 412, body: { code: 'version_mismatch', current_version: 1 } }
    expect(await set('credit.license_days', 20, { 'if-match': '"0"' }, '/admin', chief)).toMatchObject(stale)
    expect(await takeBack('credit.license_days', '/admin', chief, { 'if-match': '"0"' })).toMatchObject(stale)
    expect(await takeBack('credit.license_days', '/admin', chief, { 'if-match': '"1"' })).toMatchObject({ status: 204 })
  })
})

test('a stored value that a later catalogue no longer takes counts as none', async () => {
  await exec(
    bench.db,
    sql`insert into identity.settings (scope, scope_id, key, value, version, updated_by, updated_at)
        values ('person', ${admin.personId}, ${KEY}, '999', 1, '{}', now())`,
  )
  expect(await show(KEY, admin)).toMatchObject({ status: 200, body: { value: 12, source: 'standard', version: 1 } })
})

describe('a setting of an engagement', () => {
  const ENGAGEMENT = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c50'
  const PATH = '/engagements/E1234'
  const join = (who: SignedUp, designation: string) =>
    bench.db.transaction(async (tx) => {
      await exec(
        tx,
        sql`insert into identity.engagement_ref (engagement_id, display_identifier, visibility, state, revision) values (${ENGAGEMENT}, 'E1234', 'private', 'active', 1)
            on conflict do nothing`,
      )
      await exec(
        tx,
        sql`insert into identity.memberships (id, principal_kind, principal_id, engagement_id, active, operator_sequence_number, granted_by)
            values (gen_random_uuid(), 'person', ${who.personId}, ${ENGAGEMENT}, true, 9, '{}')`,
      )
      await exec(
        tx,
        sql`insert into identity.membership_designations (membership_id, designation, active, granted_by)
            select id, ${designation}, true, '{}' from identity.memberships where principal_id = ${who.personId} and engagement_id = ${ENGAGEMENT}`,
      )
    })

  test('is its operators’ to set and its members’ to see; nobody else knows that it is there', async () => {
    const [chief, helper, stranger] = [
      await signedUp(bench, { email: 'op@example.org' }),
      await signedUp(bench, { email: 'helper@example.org' }),
      await signedUp(bench, { email: 'stranger@example.org' }),
    ]
    await join(chief, 'operator')
    await join(helper, 'contributor')
    const key = 'converse.responder_model'
    expect(await set(key, 'claude-opus-4', {}, PATH, chief)).toMatchObject({ status: 200, body: { value: 'claude-opus-4', source: 'engagement' } })
    expect(await bench.ask('GET', `${PATH}/settings/${key}`, { session: helper.session })).toMatchObject({ status: 200, body: { source: 'engagement' } })
    expect(await set(key, 'x', {}, PATH, helper)).toMatchObject({ status: 403, body: { code: 'membership.operator_required' } })
    expect(await set(key, 'x', {}, PATH, stranger)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    const stale = { status: 412, body: { code: 'version_mismatch', current_version: 1 } }
    expect(await set(key, 'x', { 'if-match': '"0"' }, PATH, chief)).toMatchObject(stale)
    expect(await takeBack(key, PATH, chief, { 'if-match': '"0"' })).toMatchObject(stale)
    expect(
      await bench.ask('PUT', `${PATH}/secrets/anthropic`, { session: chief.session, body: { value: 'sk-0123456789abcdef', kind: 'api_key' } }),
    ).toMatchObject({ status: 204 })
    expect(await bench.ask('GET', `${PATH}/secrets`, { session: helper.session })).toMatchObject({ status: 200, body: { items: [{ name: 'anthropic' }] } })
    const asked = { provider: 'anthropic', engagementId: ENGAGEMENT }
    expect(await bench.internal('companion', 'POST', '/internal/keys:resolve', asked)).toMatchObject({ body: { keySource: 'operator' } })
    expect(await takeBack(key, PATH, chief)).toMatchObject({ status: 204 })
  })
})
