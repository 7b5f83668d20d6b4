import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exec, ident, one, sql } from '@loomworks/sql'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { openedBy } from '../belonging-story.ts'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { adminGrant } from '../roles.ts'
import { type SignedUp, signedUp } from '../signing-up.ts'

let next = 0
const CANARY = 'sk-canary-0123456789abcdef-LAST'
let bench: IdentityBench
let ada: SignedUp
let admin: SignedUp
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl'), environment: { MAILBOX_DIR: await mkdtemp(path.join(tmpdir(), 'lw-mail-')) } })
  ada = await signedUp(bench, { email: 'ada@example.org' })
  admin = await signedUp(bench, { email: 'admin@example.org' })
  await adminGrant(bench.db, 'admin@example.org')
})
afterAll(() => bench[Symbol.asyncDispose]())

const keep = (name: string, more: object = {}, who = ada, at = '/me') =>
  bench.ask('PUT', `${at}/secrets/${name}`, { session: who.session, body: { value: CANARY, kind: 'api_key', ...more } })
const list = (who = ada, at = '/me') => bench.ask('GET', `${at}/secrets`, { session: who.session })
const remove = (name: string, who = ada, at = '/me') => bench.ask('DELETE', `${at}/secrets/${name}`, { session: who.session })
const resolve = (body: object) => bench.internal('companion', 'POST', '/internal/keys:resolve', body)
const told = async (scopeId: string, type: string) => (await bench.told(type, scopeId)).map(({ data }) => data)

describe('a secret', () => {
  test('goes in and is shown by name, kind and last four letters alone', async () => {
    expect(await keep('anthropic', { label: 'my key' })).toMatchObject({ status: 204, body: '' })
    const { body } = await list()
    expect(body.items).toMatchObject([{ name: 'anthropic', kind: 'api_key', label: 'my key', last4: 'LAST', rotated_at: null, last_used_at: null }])
    expect(JSON.stringify(body)).not.toContain('canary')
    expect(await told(ada.personId, 'KeyProvided')).toMatchObject([{ scope: 'person', name: 'anthropic', kind: 'api_key', rotation: false }])
  })

  test('kept again takes the place of the one before', async () => {
    await keep('rotated')
    await keep('rotated', { value: 'another-value-that-is-long' })
    expect((await told(ada.personId, 'KeyProvided')).filter(({ name }) => name === 'rotated')).toMatchObject([{ rotation: false }, { rotation: true }])
    expect(await resolve({ provider: 'rotated', personId: ada.personId })).toMatchObject({ body: { key: 'another-value-that-is-long' } })
  })

  test('may have 8192 bytes', async () => {
    await keep('long', { value: 'ä'.repeat(4096) })
    expect(await resolve({ provider: 'long', personId: ada.personId })).toMatchObject({ body: { key: 'ä'.repeat(4096) } })
  })

  test('that is short shows nothing of itself', async () => {
    await keep('short', { value: 'abcd1234' })
    expect((await list()).body.items.find(({ name }: { name: string }) => name === 'short')).toMatchObject({ last4: '' })
  })

  test('removed is gone, and that is told', async () => {
    await keep('gone')
    expect(await remove('gone')).toMatchObject({ status: 204 })
    expect(await remove('gone')).toMatchObject({ status: 404, body: { code: 'vault.unknown' } })
    expect(await told(ada.personId, 'KeyRemoved')).toMatchObject([{ name: 'gone', kind: 'api_key' }])
    expect(await resolve({ provider: 'gone', personId: ada.personId })).toMatchObject({ body: { keySource: 'none' } })
  })

  test.each([
    ['empty', 'x', { value: '' }],
    ['of more than 8192 bytes', 'x', { value: 'ä'.repeat(4097) }],
    ['of an unknown kind', 'x', { kind: 'password' }],
    ['under a name that is none', 'X Y', {}],
    ['with more than it has', 'x', { scope: 'system' }],
  ])('is refused: %s', async (_what, name, more) => {
    expect(await keep(encodeURIComponent(name), more)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })

  test('beyond the fiftieth is refused, however many come at once', async () => {
    const grace = await signedUp(bench, { email: 'grace@example.org' })
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => keep(`k${n}`, {}, grace)))
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(50)
    expect(answers.filter(({ body }) => body.code === 'vault.limit')).toHaveLength(10)
    expect(await keep('k0', {}, grace).then(({ status }) => status)).not.toBe(500)
  })

  test.each([
    ['an engagement', async (who: SignedUp) => `/engagements/${(await openedBy(bench, who)).id}`],
    ['the deployment', async () => '/admin'],
  ])('of %s is refused beyond the fiftieth too', async (_what, placeOf) => {
    const chief = await signedUp(bench, { email: `chief${next++}@example.org` })
    await adminGrant(bench.db, chief.answer.body.person.email)
    const at = await placeOf(chief)
    const kept = (await list(chief, at)).body.items.length
    for (let n = kept; n < 50; n++) expect((await keep(`full${n}`, {}, chief, at)).status).toBe(204)
    expect(await keep('one_more', {}, chief, at)).toMatchObject({ status: 409, body: { code: 'vault.limit' } })
    for (let n = kept; n < 50; n++) expect((await remove(`full${n}`, chief, at)).status).toBe(204)
  })

  test('of the deployment is the administrator’s', async () => {
    expect(await keep('openai', {}, ada, '/admin')).toMatchObject({ status: 403, body: { code: 'auth.role_missing' } })
    expect(await keep('openai', {}, admin, '/admin')).toMatchObject({ status: 204 })
    expect((await list(admin, '/admin')).body.items).toMatchObject([{ name: 'openai' }])
    expect(await remove('openai', admin, '/admin')).toMatchObject({ status: 204 })
  })

  test('of a suspended person may be a key of their own and nothing else', async () => {
    const grace = await signedUp(bench, { email: 'grace.s@example.org' })
    await exec(bench.db, sql`update identity.persons set account_status = 'suspended' where id = ${grace.personId}`)
    expect(await keep('anthropic', {}, grace)).toMatchObject({ status: 204 })
    expect(await keep('mail', { kind: 'smtp' }, grace)).toMatchObject({ status: 403, body: { code: 'account_suspended' } })
    expect(await remove('anthropic', grace)).toMatchObject({ status: 403, body: { code: 'account_suspended' } })
    await adminGrant(bench.db, 'grace.s@example.org')
    const { id } = await openedBy(bench, grace)
    for (const at of ['/admin', `/engagements/${id}`])
      expect(await keep('anthropic', {}, grace, at)).toMatchObject({ status: 403, body: { code: 'account_suspended' } })
  })
})

describe('a model key', () => {
  test('is the engagement’s, else the person’s, else the deployment’s, else none', async () => {
    const engagementId = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44'
    const asked = { provider: 'mistral', engagementId, personId: ada.personId }
    expect((await resolve(asked)).body).toEqual({ keySource: 'none' })
    await keep('mistral', { value: 'of the deployment' }, admin, '/admin')
    expect((await resolve(asked)).body).toMatchObject({ keySource: 'system', key: 'of the deployment' })
    await keep('mistral', { value: 'of the person' })
    expect((await resolve(asked)).body).toMatchObject({ keySource: 'person', key: 'of the person', secretId: expect.any(String) })
    await exec(bench.db, sql`update identity.secrets set scope = 'engagement', scope_id = ${engagementId} where name = 'mistral' and scope = 'person'`)
    // A row that changed places does not open.
    expect((await resolve(asked)).status).toBe(500)
  })

  test.each([
    ['has another name', sql`name = 'moved'`, 'moved'],
    ['has another id', sql`id = gen_random_uuid()`, 'kept'],
    ['holds what another row held', sql`(ciphertext, wrapped_dek) = (select ciphertext, wrapped_dek from identity.secrets s where s.name = 'other')`, 'kept'],
    ['holds what another row held under its key', sql`ciphertext = (select ciphertext from identity.secrets s where s.name = 'other')`, 'kept'],
  ])('whose row %s does not open', async (_what, change, provider) => {
    const grace = await signedUp(bench, { email: `swapped${next++}@example.org` })
    for (const name of ['kept', 'other']) await keep(name, {}, grace)
    expect(await resolve({ provider: 'kept', personId: grace.personId })).toMatchObject({ status: 200, body: { key: CANARY } })
    await exec(bench.db, sql`update identity.secrets set ${change} where name = 'kept' and scope_id = ${grace.personId}`)
    expect((await resolve({ provider, personId: grace.personId })).status).toBe(500)
    await exec(bench.db, sql`delete from identity.secrets where scope_id = ${grace.personId}`)
  })

  test('is noted as used', async () => {
    await keep('used')
    await resolve({ provider: 'used', personId: ada.personId })
    expect((await list()).body.items.find(({ name }: { name: string }) => name === 'used').last_used_at).not.toBeNull()
  })

  test('of another kind does not pass for one', async () => {
    await keep('oauth', { kind: 'oauth_token' })
    expect((await resolve({ provider: 'oauth', personId: ada.personId })).body).toEqual({ keySource: 'none' })
  })

  test('is the Companion’s to ask for', async () => {
    expect(await bench.internal('memory', 'POST', '/internal/keys:resolve', { provider: 'x' })).toMatchObject({
      status: 403,
      body: { code: 'auth.actor_refused' },
    })
  })
})

describe('the key of a person', () => {
  const open = (from: 'memory' | 'companion' | 'gateway', personId: string) => bench.internal(from, 'POST', '/internal/subject-keys:open', { personId })

  test('is the same for one service, however many ask at once, and another for another', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => open('memory', ada.personId)))
    expect(new Set(answers.map(({ body }) => body.key)).size).toBe(1)
    const other = (await open('companion', ada.personId)).body.key
    expect(other).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(other).not.toBe(answers[0]?.body.key)
  })

  test('is gone once destroyed, and nobody has one who does not exist', async () => {
    const grace = await signedUp(bench, { email: 'grace.k@example.org' })
    await open('memory', grace.personId)
    await exec(bench.db, sql`update identity.subject_keys set wrapped = null, destroyed_at = now() where person_id = ${grace.personId}`)
    expect(await open('memory', grace.personId)).toMatchObject({ status: 410, body: { code: 'subject_key.destroyed' } })
    expect(await open('memory', '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44')).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await open('gateway', ada.personId)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  })
})

test('ID-INV-9: the value of a secret is in no row that is not sealed', async () => {
  await keep('canary')
  for (const table of ['secrets', 'outbox', 'settings', 'mail_log']) {
    const { found } = await one(
      bench.db,
      z.object({ found: z.boolean() }),
      sql`select exists (select from ${ident(`identity.${table}`)} t where t::text like '%canary-0123%') as found`,
    )
    expect(found, table).toBe(false)
  }
})
