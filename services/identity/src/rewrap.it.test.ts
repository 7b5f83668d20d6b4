// Changing the key-encryption key: with both keys, from one start on until everything is under the new one, however often that is cut off.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { keyFromFile, silentLog } from '@loomworks/service-kit'
import { type Database, exec, ident, many, one, sql } from '@loomworks/sql'
import { SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type IdentityBench, identityBench, ORIGIN } from './identity-bench.ts'
import { keyringOf } from './keyring.ts'
import { mailOn } from './mail/mail.ts'
import { rewrap, SEALINGS } from './rewrap.ts'
import { adminGrant } from './roles.ts'
import { totpBinding } from './sealings.ts'
import { loggedIn, type SignedUp, signedUp, withFactors } from './signing-up.ts'

const SECRET = 'sk-0123456789abcdef'
let bench: IdentityBench
let folder: string
let ada: SignedUp
/** The file of the key that data are under. */
let inUse: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lw-'))
  bench = await identityBench({ adminUrl: inject('adminUrl') })
  inUse = bench.settings.VAULT_KEK_FILE ?? ''
  ada = await signedUp(bench, { email: 'ada@example.org' })
  await sealEverywhere()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Something in each sealed column there is. */
async function sealEverywhere(): Promise<void> {
  await adminGrant(bench.db, 'ada@example.org')
  await withFactors(bench, { email: 'half@example.org' })
  expect(await bench.ask('PUT', '/me/secrets/kept', { session: ada.session, body: { value: SECRET, kind: 'api_key' } })).toMatchObject({ status: 204 })
  expect(await bench.ask('POST', '/me/credentials/totp/begin', { session: ada.session, body: {} })).toMatchObject({ status: 200 })
  expect(await subjectKeyFrom(bench)).toMatchObject({ status: 200 })
  expect(await bench.internal('companion', 'GET', '/internal/ova/issuer')).toMatchObject({ status: 200 })
  await prepareEnrolment()
  const mail = mailOn({ db: bench.db, keyring: await keyring(inUse), clock: bench.platform.clock, log: silentLog, host: 'example.org', transport: undefined })
  await bench.db.transaction((tx) => mail.send(tx, { key: 'waits', to: 'ada@example.org', template: 'address_known', data: {} }))
}

/** Somebody has shown a passkey for an enrolment token, and no code yet. */
async function prepareEnrolment(): Promise<void> {
  const { personId } = await signedUp(bench, { email: 'grace@example.org' })
  await exec(bench.db, sql`update identity.webauthn_credentials set state = 'removed' where person_id = ${personId}`)
  for (const table of ['totp_factors', 'recovery_codes']) await exec(bench.db, sql`delete from ${ident(`identity.${table}`)} where person_id = ${personId}`)
  const { token } = (await bench.ask('POST', `/admin/persons/${personId}/enrolment-token`, { session: ada.session })).body
  const headers = { 'x-client-authorization': `Bearer ${token}` }
  const { options, challenge_id } = (await bench.ask('POST', '/auth/enrol/begin', { body: {}, headers })).body
  const credential = new SoftwareAuthenticator({ origin: ORIGIN }).register(options)
  expect(await bench.ask('POST', '/auth/enrol/finish', { body: { challenge_id, credential }, headers })).toMatchObject({ status: 200 })
}

const subjectKeyFrom = (who: Pick<IdentityBench, 'internal'>) => who.internal('memory', 'POST', '/internal/subject-keys:open', { personId: ada.personId })
const keyring = async (file: string) => keyringOf(await keyFromFile('VAULT_KEK_FILE', file))

async function newKey(): Promise<string> {
  const file = path.join(folder, `${randomBytes(4).toString('hex')}.key`)
  await writeFile(file, randomBytes(32).toString('base64url'))
  return file
}

/** How a start with these keys goes: the code it is refused by, or none. */
async function starting(current: string, former?: string): Promise<string | undefined> {
  try {
    await using _started = await bench.another({ VAULT_KEK_FILE: current, ...(former !== undefined && { VAULT_KEK_FORMER_FILE: former }) })
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** A change that has begun: identity was started with both keys. */
async function begun(): Promise<{ readonly current: string; readonly former: string }> {
  const files = { current: await newKey(), former: inUse }
  expect(await starting(files.current, files.former)).toBeUndefined()
  inUse = files.current
  return files
}

/** The bench's database where something happens before each statement. */
function meddled(before: (text: string) => Promise<unknown>): Database {
  const meddling: Database['query'] = async (statement) => {
    await before(statement.text)
    return bench.db.query(statement)
  }
  return { ...bench.db, query: meddling }
}

/** Dies before the n-th statement that begins so. */
function killedBefore(n: number, beginning: string): Database {
  let left = n
  return meddled(async (text) => {
    if (text.trimStart().startsWith(beginning) && --left === 0) throw new Error('killed')
  })
}

/** Writes the factor of Ada as an instance with this key does. */
async function resealFactor(file: string, secret = 'a secret'): Promise<void> {
  const bytes = (await keyring(file)).seal('totp', Buffer.from(secret), totpBinding('person', ada.personId))
  await exec(bench.db, sql`update identity.totp_factors set secret_sealed = ${bytes} where person_id = ${ada.personId}`)
}

const Sealed = z.object({ key: z.string(), bytes: z.instanceof(Buffer) })
const sealedIn = ({ table, key, column }: (typeof SEALINGS)[number]) =>
  many(
    bench.db,
    Sealed,
    sql`select ${ident(key)}::text as key, ${ident(column)} as bytes from ${ident(`identity.${table}`)} where ${ident(column)} is not null`,
  )

/** How many rows do not open under this key alone. */
async function strangersTo(file: string): Promise<number> {
  const alone = await keyring(file)
  const opens = (sealing: (typeof SEALINGS)[number], { key, bytes }: z.output<typeof Sealed>) => {
    try {
      alone.open(sealing.label, bytes, sealing.boundTo(key))
      return true
    } catch {
      return false
    }
  }
  const all = await Promise.all(SEALINGS.map(async (sealing) => (await sealedIn(sealing)).filter((row) => !opens(sealing, row)).length))
  return all.reduce((sum, each) => sum + each, 0)
}

test('every column of bytes is one that is put under the new key, or holds nothing that is sealed under it', async () => {
  const columns = await many(
    bench.db,
    z.object({ name: z.string() }),
    sql`select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'identity' and data_type = 'bytea'`,
  )
  const open = ['pending_registrations.user_handle', 'persons.user_handle', 'webauthn_credentials.credential_id', 'webauthn_credentials.public_key']
  const underOtherKeys = ['challenges.operation', 'live_delegations.terms', 'secrets.ciphertext']
  const sealed = SEALINGS.map(({ table, column }) => `${table}.${column}`)
  expect(columns.map(({ name }) => name).toSorted()).toEqual([...open, ...underOtherKeys, ...sealed].toSorted())
})

describe('changing the vault key', () => {
  test('is refused before identity was started with both, and changes nothing', async () => {
    const current = await newKey()
    await expect(rewrap(bench.db, { current, former: inUse })).rejects.toMatchObject({ code: 'key.not_changing' })
    expect(await strangersTo(inUse)).toBe(0)
    expect(await starting(inUse)).toBeUndefined()
  })

  test('leaves everything usable under the new key alone: every row of every table', async () => {
    const before = (await subjectKeyFrom(bench)).body.key
    const files = await begun()
    const there = await Promise.all(SEALINGS.map(async (sealing) => ({ table: sealing.table, rows: (await sealedIn(sealing)).length })))
    expect(there.filter(({ rows }) => rows === 0)).toEqual([])
    const { purposes } = await one(
      bench.db,
      z.object({ purposes: z.array(z.string()) }),
      sql`select array_agg(purpose order by purpose) as purposes from identity.signing_keys`,
    )
    expect(purposes).toEqual(['mandate', 'token'])
    expect(await rewrap(bench.db, files)).toEqual(there)
    expect(await strangersTo(files.current)).toBe(0)
    expect((await rewrap(bench.db, files)).every(({ rows }) => rows === 0)).toBe(true)
    expect(await starting(files.former)).toBe('key.wrong')
    await using second = await bench.another({ VAULT_KEK_FILE: files.current })
    expect((await second.internal('companion', 'POST', '/internal/keys:resolve', { provider: 'kept', personId: ada.personId })).body.key).toBe(SECRET)
    expect((await subjectKeyFrom(second)).body.key).toBe(before)
    expect(await loggedIn(second, ada.authenticator)).toMatchObject({ status: 200 })
  })

  test.each([
    ['between two rows', () => killedBefore(3, 'update')],
    ['between the last table and its end', () => killedBefore(1, 'with reached')],
  ])('that is killed %s needs both keys until it is run again', async (_where, killed) => {
    const files = await begun()
    await expect(rewrap(killed(), files)).rejects.toThrow('killed')
    expect(await starting(files.former)).toBe('key.changing')
    expect(await starting(files.current)).toBe('key.changing')
    expect(await starting(files.former, files.current)).toBe('key.changing')
    expect(await starting(await newKey(), files.former)).toBe('key.changing')
    await expect(rewrap(bench.db, { ...files, current: await newKey() })).rejects.toMatchObject({ code: 'key.changing' })
    expect(await starting(files.current, files.former)).toBeUndefined()
    await rewrap(bench.db, files)
    expect(await strangersTo(files.current)).toBe(0)
    expect(await starting(files.current, files.former)).toBeUndefined()
    expect(await starting(files.current)).toBeUndefined()
  })

  test('needs both keys from the first start with both on, whether or not anything was put under the new one', async () => {
    const files = await begun()
    expect(await starting(files.former)).toBe('key.changing')
    await rewrap(bench.db, files)
  })

  test('meets a row again that was sealed under the former key behind its back', async () => {
    const files = await begun()
    let done = false
    const late = meddled(async (text) => {
      if (done || !text.includes('"identity"."subject_keys"')) return
      done = true
      await resealFactor(files.former)
    })
    await rewrap(late, files)
    expect(done).toBe(true)
    expect(await strangersTo(files.current)).toBe(0)
  })

  test('leaves a row as it is that was written between its look and its write', async () => {
    const files = await begun()
    let done = false
    const between = meddled(async (text) => {
      if (done || !text.startsWith('update "identity"."totp_factors"')) return
      done = true
      await resealFactor(files.current, 'a new secret')
    })
    await rewrap(between, files)
    expect(done).toBe(true)
    const { bytes } = await one(
      bench.db,
      z.object({ bytes: z.instanceof(Buffer) }),
      sql`select secret_sealed as bytes from identity.totp_factors where person_id = ${ada.personId}`,
    )
    expect((await keyring(files.current)).open('totp', bytes, totpBinding('person', ada.personId)).toString()).toBe('a new secret')
  })

  test('does not end while something goes on to seal under the former key', async () => {
    const files = await begun()
    const stale = meddled(async (text) => {
      if (text.includes('"identity"."subject_keys"')) await resealFactor(files.former)
    })
    await expect(rewrap(stale, files)).rejects.toMatchObject({ code: 'key.in_use' })
    expect(await starting(files.current)).toBe('key.changing')
    await rewrap(bench.db, files)
    expect(await starting(files.current)).toBeUndefined()
  })

  test('may be taken back by a change of its own', async () => {
    const former = inUse
    await rewrap(bench.db, await begun())
    const back = { current: former, former: inUse }
    expect(await starting(back.current, back.former)).toBeUndefined()
    await rewrap(bench.db, back)
    inUse = former
    expect(await strangersTo(former)).toBe(0)
    expect(await starting(former)).toBeUndefined()
  })
})
