import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { newId, Terminal, Transient } from '@loomworks/kernel'
import { type Database, exec, ident, openDatabase, raw, sql } from '@loomworks/sql'
import { PLATFORM_SCHEMAS, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { all, event, events, firstEvents, freshStream, idsOf } from './conformance/bench.ts'
import { type Bench, eventStoreConformance } from './conformance.ts'
import { PostgresEventStore } from './postgres.ts'

const never = new AbortController().signal
type TestDatabase = Awaited<ReturnType<typeof testDatabase>>

eventStoreConformance('Postgres', async (): Promise<Bench> => {
  const made = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  const admin = openDatabase({ url: inject('adminUrl'), max: 1, applicationName: 'cutter', onError: () => undefined })
  const stores: PostgresEventStore[] = []
  const another = () => {
    const store = storeOn(made.open(4))
    stores.push(store)
    return store
  }
  return {
    store: another(),
    another,
    cut: () => cutAll(admin, made),
    close: async () => {
      await Promise.all(stores.map((each) => each.close()))
      await made[Symbol.asyncDispose]()
      await admin.close()
    },
  }
})

let database: TestDatabase
let store: PostgresEventStore

beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  store = storeOn(database.db)
})

afterAll(async () => {
  await store.close()
  await database[Symbol.asyncDispose]()
})

test('appends that wait at the same moment share a commit', async () => {
  const prefix = freshStream()
  await Promise.all(Array.from({ length: 32 }, (_, n) => store.append(`${prefix}-${n}`, events(1), 'no_stream')))
  const stored = await all(store.readAll({ prefixes: [prefix] }))
  expect(new Set(stored.map(({ recordedAt }) => recordedAt)).size).toBeLessThanOrEqual(2)
})

test('a transaction left open in another database of the cluster holds no reader back', async () => {
  await using other = await testDatabase(inject('adminUrl'))
  await other.db.transaction(async (tx) => {
    await exec(tx, sql`select pg_current_xact_id()`)
    const stream = freshStream()
    const reading = firstEvents(store.subscribe({ prefixes: [stream] }, { signal: never }), 1)
    await store.append(stream, events(1), 'no_stream')
    expect(await reading).toHaveLength(1)
  })
})

test('a client frozen inside its transaction holds no reader, and writers only until the server ends it', async () => {
  const stream = freshStream()
  const before = events(1)
  await store.append(stream, before, 'no_stream')
  const later = event()
  const frozen = database.db.transaction(async (tx) => {
    await exec(tx, sql`set local idle_in_transaction_session_timeout = '500ms'`)
    await exec(tx, sql`select event_store.append(${[`${stream}-frozen`]}, ${['no_stream']}, ${[1]}, ${[newId()]}, ${['Noted']}, ${['{}']})`)
    const read = await firstEvents(store.subscribe({ prefixes: [stream] }, { signal: never }), 1)
    expect(idsOf(read)).toEqual(idsOf(before))
    // Waits behind the frozen client, whose session the server ends after half a second.
    expect(await store.append(stream, [later], 0n)).toMatchObject({ ok: true })
  })
  await expect(frozen).rejects.toThrow(Transient)
  expect(idsOf(await all(store.readAll({ prefixes: [stream] })))).toEqual(idsOf([...before, later]))
})

test('a writer killed with -9 loses nothing that was acknowledged and leaves readers in step', async () => {
  const prefix = freshStream()
  const live: string[] = []
  const stop = new AbortController()
  const reading = (async () => {
    for await (const delivery of store.subscribe({ prefixes: [prefix] }, { signal: stop.signal })) if (delivery.kind === 'event') live.push(delivery.event.id)
  })()
  const writer = writerProcess(database.url, prefix)
  const acknowledged = await linesUntil(writer, 40)
  writer.kill('SIGKILL')
  await once(writer, 'exit')
  await store.append(`${prefix}-after`, events(1), 'no_stream')
  const stored = await all(store.readAll({ prefixes: [prefix] }))
  await expect.poll(() => live.length).toBe(stored.length)
  stop.abort()
  await reading
  expect(live).toEqual(idsOf(stored))
  expect(idsOf(stored)).toEqual(expect.arrayContaining([...acknowledged]))
})

test('a role uses the streams it was given, and no others', async () => {
  const role = `role_${newId().replaceAll('-', '')}`
  await exec(database.db, sql`create role ${ident(role)} login password ${raw(`'${role}'`)}`)
  await exec(database.db, sql`grant usage on schema event_store to ${ident(role)}`)
  await exec(database.db, sql`insert into event_store.writer (role, prefix) values (${role}, 'person-')`)
  const url = new URL(database.url)
  url.username = role
  url.password = role
  const db = openDatabase({ url: url.toString(), max: 2, applicationName: role, onError: () => undefined })
  const mine = storeOn(db)
  const stream = `person-${newId()}`
  expect(await mine.append(stream, events(1), 'no_stream')).toMatchObject({ ok: true })
  expect(await all(mine.readStream(stream))).toHaveLength(1)
  expect(await all(mine.readAll({ prefixes: [stream] }))).toHaveLength(1)
  const refused = [
    () => mine.append(`engagement-${newId()}`, events(1), 'no_stream'),
    () => all(mine.readStream(`engagement-${newId()}`)),
    () => all(mine.readAll({ prefixes: ['person-', 'engagement-'] })),
    () => all(mine.readAll({ prefixes: ['pers'] })),
  ]
  for (const each of refused) expect(await codeOf(each())).toBe('event_store.stream_refused')
  await expect(exec(db, sql`select count(*) from event_store.event`)).rejects.toThrow('permission denied')
  await mine.close()
  await db.close()
})

test('of appends that share a statement only the one that is not allowed fails', async () => {
  const bad = store.append(`${freshStream()}`, [{ ...event(), body: { n: 1n as unknown as number } }], 'no_stream').catch((error: unknown) => error)
  const good = store.append(freshStream(), events(1), 'no_stream')
  expect(await bad).toBeInstanceOf(TypeError)
  expect(await good).toMatchObject({ ok: true })
})

function storeOn(db: Database): PostgresEventStore {
  return new PostgresEventStore({ db, onTrouble: () => undefined })
}

async function cutAll(admin: Database, { url }: TestDatabase): Promise<void> {
  const name = new URL(url).pathname.slice(1)
  await exec(admin, sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`)
  await exec(admin, sql`select pg_sleep(0.03)`)
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((failure: unknown) => failure)
  return error instanceof Terminal ? error.code : String(error)
}

const WRITER = `
  const [url, prefix] = process.argv.slice(1)
  const { openDatabase } = await import('@loomworks/sql')
  const { PostgresEventStore } = await import('@loomworks/event-store')
  const { newId } = await import('@loomworks/kernel')
  const store = new PostgresEventStore({ db: openDatabase({ url, applicationName: 'writer', onError: () => {} }), onTrouble: () => {} })
  for (;;) await Promise.all([1, 2, 3, 4].map(async () => {
    const id = newId()
    await store.append(prefix + id, [{ id, type: 'Noted', body: {} }], 'no_stream')
    process.stdout.write(id + "\\n")
  }))
`

function writerProcess(url: string, prefix: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', WRITER, url, prefix], { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function linesUntil({ stdout }: ChildProcess, count: number): Promise<readonly string[]> {
  if (stdout === null) throw new Error('the writer has no output')
  const lines: string[] = []
  for await (const line of createInterface({ input: stdout })) if (lines.push(line) === count) return lines
  throw new Error('the writer ended early')
}
