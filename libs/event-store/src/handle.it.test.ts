import { type By, type Caller, type CommandId, derivedId, newId, refusals, Terminal, Transient, type WriteModel } from '@loomworks/kernel'
import { fakeClock, PLATFORM_SCHEMAS, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { all } from './conformance/bench.ts'
import { eventIdOf, handleOn, newKey, openJson, PostgresEventStore, readEnvelope, type Sealer, StreamConflict, sealJson, verifyChain } from './index.ts'
import type { EventStore } from './port.ts'

type Counted = { type: 'Added'; data: { by: number }; sealed?: { why: string } } | { type: 'Closed'; data: object }
interface Counter {
  readonly total: number
  readonly closed: boolean
}
const counter: WriteModel<Counter, Counted> = {
  streamOf: (id) => `counter-${id}`,
  initial: () => ({ total: 0, closed: false }),
  evolve: (state, event) => (event.type === 'Added' ? { ...state, total: state.total + event.data.by } : { ...state, closed: true }),
}
const refuse = refusals('counter', { closed: { status: 409, says: 'The counter is closed.', remedy: 'Open another.' } })

const add = ({ by }: { by: number } & By, { closed }: Counter): readonly Counted[] => {
  if (closed) throw refuse.closed()
  return by === 0 ? [] : [{ type: 'Added', data: { by } }]
}
const addTwice = ({ by }: { by: number } & By): readonly Counted[] => [
  { type: 'Added', data: { by } },
  { type: 'Added', data: { by } },
]
const close = (): readonly Counted[] => [{ type: 'Closed', data: {} }]
const openIfClosed = ({ by }: { by: number } & By, { closed }: Counter): readonly Counted[] => (closed ? [{ type: 'Added', data: { by } }] : [])
const addWithReason = ({ by }: { by: number } & By): readonly Counted[] => [{ type: 'Added', data: { by }, sealed: { why: 'Because.' } }]

let database: Awaited<ReturnType<typeof testDatabase>>
let store: PostgresEventStore
let id: string

beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  store = new PostgresEventStore({ db: database.db, onTrouble: () => undefined })
})
beforeEach(() => {
  id = newId()
})
afterAll(async () => {
  await store.close()
  await database[Symbol.asyncDispose]()
})

test('a command becomes enveloped, chained events with ids made from the command', async () => {
  const handle = handleOn(store, { clock: fakeClock() })
  const ada = caller()
  const { state, revision, appended } = await handle(counter, id, addTwice, { by: 2 }, ada)
  expect({ state, revision }).toEqual({ state: { total: 4, closed: false }, revision: 1n })
  const stored = (await stream()).map(readEnvelope)
  expect(stored).toEqual(appended)
  expect(stored.map((each) => each.id)).toEqual([eventIdOf(ada, 0), eventIdOf(ada, 1)])
  expect(stored[0]).toMatchObject({
    v: 1,
    at: '2030-01-02T03:04:05.678Z',
    actor: ada.actor,
    trust: 'direct_user',
    correlationId: 'course',
    causationId: 'cause',
  })
  expect(verifyChain(stored)).toMatchObject({ ok: true, events: 2 })
})

test('the chain goes on over commands and processes', async () => {
  for (const handle of [handleOn(store), handleOn(store), handleOn(store)]) await handle(counter, id, add, { by: 1 }, caller())
  expect(verifyChain((await stream()).map(readEnvelope))).toMatchObject({ ok: true, events: 3 })
})

test('a command that changes nothing appends nothing', async () => {
  const handled = await handleOn(store)(counter, id, add, { by: 0 }, caller())
  expect(handled).toEqual({ state: { total: 0, closed: false }, revision: -1n, position: undefined, appended: [] })
})

test('a repeated command is answered from the state, here and in another process', async () => {
  const handle = handleOn(store)
  const first = await handle(counter, id, add, { by: 5 }, caller('repeated'))
  for (const again of [handle, handleOn(store)]) {
    const { state, appended } = await again(counter, id, add, { by: 5 }, caller('repeated'))
    expect({ state, appended }).toEqual({ state: first.state, appended: [] })
  }
  expect(await stream()).toHaveLength(1)
})

test('a lost answer is settled by the same list', async () => {
  let lost = 1
  const losing = watched({
    after: () => {
      if (lost-- > 0) throw new Transient('the answer was lost')
    },
  })
  expect(await handleOn(losing.store)(counter, id, addTwice, { by: 1 }, caller())).toMatchObject({ revision: 1n })
  expect(losing.counts.appends).toBe(2)
  expect(await stream()).toHaveLength(2)
})

test('who was overtaken reads on and decides again', async () => {
  const rival = handleOn(store)
  let rivals = 3
  const contended = watched({ before: async () => void (rivals-- > 0 && (await rival(counter, id, add, { by: 10 }, caller()))) })
  expect(await handleOn(contended.store)(counter, id, add, { by: 1 }, caller())).toMatchObject({ state: { total: 31 }, revision: 3n })
  expect(verifyChain((await stream()).map(readEnvelope))).toMatchObject({ ok: true })
})

test('after eight conflicts a command gives up, and may be tried again', async () => {
  const rival = handleOn(store)
  const contended = watched({ before: async () => void (await rival(counter, id, add, { by: 1 }, caller())) })
  const refused = await handleOn(contended.store)(counter, id, add, { by: 1 }, caller()).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(Transient)
  expect(contended.counts.appends).toBe(8)
})

test('who decided on what they read can be refused at the first conflict', async () => {
  const rival = handleOn(store)
  const contended = watched({ before: async () => void (await rival(counter, id, add, { by: 1 }, caller())) })
  const refused = handleOn(contended.store)(counter, id, add, { by: 1 }, caller(), { onConflict: 'refuse' })
  await expect(refused).rejects.toBeInstanceOf(StreamConflict)
  expect(contended.counts.appends).toBe(1)
})

test('a warm aggregate skips the read; one of a derived command is not kept', async () => {
  const { store: counted, counts } = watched({})
  const handle = handleOn(counted)
  for (let n = 0; n < 4; n++) await handle(counter, id, add, { by: 1 }, caller())
  expect(counts).toEqual({ reads: 1, appends: 4 })
  await handle(counter, id, add, { by: 1 }, caller('derived'))
  await handle(counter, id, add, { by: 1 }, caller())
  expect(counts).toEqual({ reads: 2, appends: 6 })
})

test('a warm aggregate that lags behind neither refuses nor keeps silent by itself', async () => {
  const handle = handleOn(store)
  await handle(counter, id, add, { by: 1 }, caller())
  await handleOn(store)(counter, id, close, {}, caller())
  await expect(handle(counter, id, add, { by: 1 }, caller())).rejects.toMatchObject({ code: 'counter.closed' })
  const other = newId()
  await handle(counter, other, add, { by: 1 }, caller())
  await handleOn(store)(counter, other, close, {}, caller())
  expect(await handle(counter, other, openIfClosed, { by: 6 }, caller())).toMatchObject({ state: { total: 7, closed: true } })
})

test('more aggregates than are kept are read again, and right', async () => {
  const handle = handleOn(store, { warm: 2 })
  const ids = [newId(), newId(), newId(), newId()]
  for (let round = 1; round <= 3; round++)
    for (const each of ids) expect(await handle(counter, each, add, { by: 1 }, caller())).toMatchObject({ state: { total: round } })
})

test('commands of one stream that come at once do not conflict among themselves', async () => {
  const { store: counted, counts } = watched({})
  const handle = handleOn(counted)
  const handled = await Promise.all(Array.from({ length: 50 }, () => handle(counter, id, add, { by: 1 }, caller())))
  expect(handled.map(({ revision }) => Number(revision))).toEqual(Array.from({ length: 50 }, (_, n) => n))
  expect(counts.appends).toBe(50)
})

test('a refused command leaves the queue of its stream open', async () => {
  const handle = handleOn(store)
  await handle(counter, id, close, {}, caller())
  const [refused, next] = await Promise.allSettled([handle(counter, id, add, { by: 1 }, caller()), handle(counter, id, openIfClosed, { by: 1 }, caller())])
  expect([refused.status, next.status]).toEqual(['rejected', 'fulfilled'])
})

test('free text is stored sealed, and without a sealer not at all', async () => {
  const key = newKey()
  const sealer: Sealer = { seal: async (of, event) => ({ ...sealJson(key, [of, event.id], event.sealed) }) }
  await handleOn(store, { sealer })(counter, id, addWithReason, { by: 1 }, caller())
  const [stored] = (await stream()).map(readEnvelope)
  expect(JSON.stringify(stored)).not.toContain('Because')
  expect(openJson(key, [`counter-${id}`, stored?.id ?? ''], stored?.sealed)).toEqual({ why: 'Because.' })
  const refused = await handleOn(store)(counter, id, addWithReason, { by: 1 }, caller()).catch((error: unknown) => error)
  expect(refused instanceof Terminal && refused.code).toBe('event_store.no_sealer')
})

function stream() {
  return all(store.readStream(`counter-${id}`))
}

/** A command of Ada's: new, or derived from a cause that may come again. */
function caller(cause?: string): Caller {
  const commandId: CommandId = cause === undefined ? newId() : derivedId(id, cause)
  const actor = { kind: 'person', id: derivedId<'person'>(id, 'ada') } as const
  return { actor, commandId, correlationId: 'course', causationId: 'cause', traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }
}

/** The same store, with somebody standing before or behind each append. */
function watched({ before, after }: { before?: () => Promise<void>; after?: () => void }) {
  const counts = { reads: 0, appends: 0 }
  const port: EventStore = {
    append: async (...args) => {
      counts.appends++
      await before?.()
      const outcome = await store.append(...args)
      after?.()
      return outcome
    },
    readStream: (...args) => {
      counts.reads++
      return store.readStream(...args)
    },
    readAll: (...args) => store.readAll(...args),
    subscribe: (...args) => store.subscribe(...args),
    health: () => store.health(),
    close: () => store.close(),
  }
  return { store: port, counts }
}
