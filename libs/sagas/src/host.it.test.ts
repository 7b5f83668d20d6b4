// The engine on the real PostgreSQL: bus, fences, list and event store together.
import { readEnvelope, verifyChain } from '@loomworks/event-store'
import { type SagaId, Transient } from '@loomworks/kernel'
import { exec, maybe, sql } from '@loomworks/sql'
import { eventually, PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { parallelSaga, signupInput } from './simulation/sagas.ts'
import { openStand, prepareBus, prepareStand, type Stand, type StandOptions, someone, standing } from './simulation/stand.ts'
import { hasEnded } from './watchers.ts'

let database: TestDatabase
const opened: Stand[] = []

beforeEach(async () => {
  database = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  await prepareStand(database.db)
  const { bus, store } = await quiet()
  await prepareBus(bus)
  await bus.drain(100)
  await store.close()
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each[Symbol.asyncDispose]()))
  await database[Symbol.asyncDispose]()
})

test('a saga runs to its end, tells who waits at once, and leaves one effect of each step', async () => {
  const { host, store } = open()
  const who = someone()
  await host.start(parallelSaga, signupInput(true), who)
  const seen = await followed(host, who.sagaId)
  expect(seen.at(-1)).toMatchObject({ state: 'completed', overlays: [] })
  expect(seen.map(({ state }) => state)).toContain('committed')
  expect(await standing(database.db, who.sagaId)).toEqual(['activate', 'commonsJoin', 'confirm', 'createPending', 'reserve'])
  const envelopes = []
  for await (const event of store.readStream(`saga-signup-${who.sagaId}`)) envelopes.push(readEnvelope(event))
  expect(verifyChain(envelopes)).toMatchObject({ ok: true })
  await eventually(async () => expect(await rowOf(who.sagaId)).toEqual({ state: 'completed', next_due_at: null }))
})

test('F15: when a step refuses, everything that was sent is undone and nothing is left', async () => {
  const { host } = open({ behaviours: { commonsJoin: { crash: () => {} }, createPending: { fail: 'signup.email_taken' } } })
  const who = someone()
  await host.start(parallelSaga, signupInput(true), who)
  const seen = await followed(host, who.sagaId)
  expect(seen.at(-1)).toMatchObject({ state: 'aborted', code: 'signup.email_taken', httpStatus: 409 })
  expect(await standing(database.db, who.sagaId)).toEqual([])
})

test('F3: a participant that dies before its commit is asked again, and its effect happens once', async () => {
  let left = 1
  const crash = () => {
    if (left-- > 0) throw new Error('killed before the commit')
  }
  const { host } = open({ behaviours: { createPending: { crash } } })
  const who = someone()
  await host.start(parallelSaga, signupInput(false), who)
  expect((await followed(host, who.sagaId)).at(-1)).toMatchObject({ state: 'completed' })
  expect(await standing(database.db, who.sagaId)).toEqual(['activate', 'commonsJoin', 'createPending'])
})

test('F4: what a dead host appended and never sent is sent by the next host when it starts', async () => {
  const who = someone()
  const dead = openStand({ db: database.open(), mute: true })
  await dead.host.start(parallelSaga, signupInput(false), who)
  await dead[Symbol.asyncDispose]()
  const { host } = open()
  expect((await followed(host, who.sagaId)).at(-1)).toMatchObject({ state: 'completed' })
})

test('F5: a saga that was asked for and never begun is begun by the sweeper', async () => {
  const who = someone()
  let asked = 0
  const orphans = async () => (asked++ > 0 ? [] : [{ ...who, definition: parallelSaga as never, input: signupInput(false) }])
  const { host } = open({ orphans })
  await eventually(async () => expect((await host.status(who.sagaId))?.state).toBe('completed'))
})

test('F6: two hosts share one saga after another and every one ends once', async () => {
  const ended: string[] = []
  const onTerminal: StandOptions['onTerminal'] = async ({ id }) => void ended.push(id)
  const first = open({ onTerminal })
  const second = open({ db: database.open(), onTerminal })
  const people = Array.from({ length: 20 }, someone)
  await Promise.all(people.map((who, n) => (n % 2 ? first : second).host.start(parallelSaga, signupInput(false), who)))
  await Promise.all(
    people.map(async (who, n) => expect((await followed((n % 2 ? second : first).host, who.sagaId)).at(-1)).toMatchObject({ state: 'completed' })),
  )
  await eventually(() => expect(ended.toSorted()).toEqual(people.map(({ sagaId }) => sagaId).toSorted()))
})

test('starting a saga again starts nothing and gives the one there is', async () => {
  const { host } = open()
  const who = someone()
  await host.start(parallelSaga, signupInput(false), who)
  await followed(host, who.sagaId)
  expect(await host.start(parallelSaga, signupInput(false), who)).toMatchObject({ state: 'completed' })
  expect(await standing(database.db, who.sagaId)).toHaveLength(3)
})

test('beyond the limit of open sagas a start is refused before anything begins', async () => {
  const { host } = open({ openMax: 1, absent: ['identity'] })
  await host.start(parallelSaga, signupInput(false), someone())
  const late = someone()
  await expect(host.start(parallelSaga, signupInput(false), late)).rejects.toMatchObject({ code: 'saga.busy', status: 503 })
  expect(await host.status(late.sagaId)).toBeUndefined()
})

test('F13: while the database is away nothing is begun; when it is back, what was open goes on by itself', async () => {
  let away = false
  const { db } = database
  const reach = <R>(work: () => Promise<R>): Promise<R> => (away ? Promise.reject(new Transient('away')) : work())
  const { host } = open({ db: { ...db, query: (statement) => reach(() => db.query(statement)), transaction: (work) => reach(() => db.transaction(work)) } })
  const [first, before, during] = [someone(), someone(), someone()]
  // A host that has brought one to its end has begun to run: at its start it needs the database.
  await host.start(parallelSaga, signupInput(false), first)
  expect((await followed(host, first.sagaId)).at(-1)).toMatchObject({ state: 'completed' })
  await host.start(parallelSaga, signupInput(false), before)
  away = true
  await eventually(() => expect(host.health()).toMatchObject({ ok: false }))
  await expect(host.start(parallelSaga, signupInput(false), during)).rejects.toMatchObject({ code: 'saga.busy' })
  away = false
  expect((await followed(host, before.sagaId)).at(-1)).toMatchObject({ state: 'completed' })
  await eventually(() => expect(host.mayStart()).toBe(true))
  expect(await host.status(during.sagaId)).toBeUndefined()
})

test('F18: a host that lacks the version of an open saga refuses to start and names it', async () => {
  const { sagaId } = someone()
  await exec(
    database.db,
    sql`insert into host.saga_open (saga_id, definition, version, state, revision, outstanding, started_at, updated_at)
        values (${sagaId}, 'signup', 7, 'running', 3, '[]', now(), now())`,
  )
  const { host, ...rest } = await quiet()
  await expect(host.check()).rejects.toMatchObject({ code: 'saga.version_missing', message: expect.stringContaining(sagaId) })
  await rest.bus.drain(100)
  await rest.store.close()
})

test('F17: a command that is none goes to the dead letters at once', async () => {
  const { bus } = open()
  await bus.publish({ subject: 'saga.cmd.identity.x.createPending.do', id: 'poison', data: '{"v":1}' })
  await eventually(async () => {
    const letters = []
    for await (const letter of bus.browse('DLQ', 'dlq.identity.schema')) letters.push(letter.headers['origin-id'])
    expect(letters).toEqual(['poison'])
  })
})

async function followed(host: Stand['host'], sagaId: SagaId) {
  const seen = []
  for await (const view of host.changes(sagaId, AbortSignal.timeout(20_000))) seen.push(view)
  if (!seen.some(hasEnded)) throw new Error(`the saga has not ended: ${seen.at(-1)?.state}`)
  return seen
}

function open(options: Partial<StandOptions> = {}): Stand {
  const stand = openStand({ db: database.db, ...options })
  opened.push(stand)
  return stand
}

/** Ports without a running host. */
async function quiet() {
  const { PostgresBus } = await import('@loomworks/bus')
  const { PostgresEventStore } = await import('@loomworks/event-store')
  const { SagaHost } = await import('./host.ts')
  const { anySaga } = await import('./definition.ts')
  const onTrouble = () => {}
  const bus = new PostgresBus({ db: database.db, onTrouble })
  const store = new PostgresEventStore({ db: database.db, onTrouble })
  return { bus, store, host: new SagaHost({ sagas: [anySaga(parallelSaga)], eventStore: store, bus, db: database.db, schema: 'host' }) }
}

function rowOf(sagaId: string) {
  return maybe(
    database.db,
    z.object({ state: z.string(), next_due_at: z.string().nullable() }),
    sql`select state, next_due_at from host.saga_open where saga_id = ${sagaId}`,
  )
}
