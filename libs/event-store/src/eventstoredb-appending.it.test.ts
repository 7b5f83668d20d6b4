// What real servers and the unmodified client were seen to do to appends, each shown on the stub with the fault switched on.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Terminal, Transient } from '@loomworks/kernel'
import { eventually } from '@loomworks/testing'
import { EsdbStub, esdbStage } from '@loomworks/testing/esdb-stub'
import { beforeEach, describe, expect, test } from 'vitest'
import { all, event, events, freshStream, idsOf } from './conformance/bench.ts'
import { EventStoreDbEventStore } from './eventstoredb.ts'
import { MAX_APPEND_BYTES } from './port.ts'

const INTERNAL = 13
const UNAVAILABLE = 14

beforeEach(({ skip }) => skip(process.env.EVENTSTORE_TEST_URL !== undefined, 'needs the control of the stub'))

describe('the port refuses what a server does not survive', () => {
  test('a malformed event: the bare client dies of it, the store sends nothing', async () => {
    await using stage = await esdbStage()
    stage.stub.faults.secondAnswerMs = 100
    for (const malformed of ['{ id: crypto.randomUUID(), type: "" }', '{ id: "note-1", type: "Noted" }']) {
      const bare = await bareClient(stage.stub, `await append('bare-1', [${malformed}])\nawait once(process.stdin, 'data')`)
      expect(bare.code).toBe(1)
      expect(bare.said).toContain('is not iterable')
    }
    const heard = stage.stub.faults.appendsHeard
    for (const malformed of [
      { ...event(), type: '' },
      { ...event(), id: 'note-1' },
    ]) {
      const outcome = await stage.store.append(freshStream(), [malformed], 'no_stream').catch((error: unknown) => error)
      expect(outcome).toMatchObject({ code: 'event_store.invalid_append' })
    }
    expect(stage.stub.faults.appendsHeard).toBe(heard)
  })

  test('an empty append: a server tells the bare client of success and stores nothing', async () => {
    await using stage = await esdbStage()
    const bare = await bareClient(stage.stub, `process.stdout.write(String((await append('bare-2', [])).success))\nprocess.exit()`)
    expect([bare.said.trim(), stage.stub.log.stream('bare-2')]).toEqual(['true', []])
    const heard = stage.stub.faults.appendsHeard
    await expect(stage.store.append(freshStream(), [], 'no_stream')).rejects.toThrow(Terminal)
    expect(stage.stub.faults.appendsHeard).toBe(heard)
  })

  test('a size that only the sum over the append exceeds', async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    const halves = [event({ text: 'x'.repeat(MAX_APPEND_BYTES / 2) }), event({ text: 'y'.repeat(MAX_APPEND_BYTES / 2) })]
    await expect(stage.store.append(stream, halves, 'no_stream')).rejects.toThrow(Terminal)
    expect(stage.stub.faults.appendsHeard).toBe(0)
    expect(await stage.store.append(stream, halves.slice(0, 1), 'no_stream')).toMatchObject({ ok: true })
  })
})

describe('an append is raced by a timer of ours', () => {
  test('a frozen server: the outcome is unknown, and the same list settles it after the thaw', async () => {
    await using stage = await esdbStage({ timing: { deadlineMs: 1500 } })
    const stream = freshStream()
    await stage.store.append(stream, events(1), 'no_stream')
    stage.stub.freeze()
    const list = events(2)
    await expect(stage.store.append(stream, list, 0n)).rejects.toThrow(Transient)
    stage.stub.thaw()
    expect(await stage.store.append(stream, list, 0n)).toMatchObject({ ok: true, revision: 2n })
    expect(stage.stub.log.stream(stream)).toHaveLength(3)
  })

  test('a server that thaws in time: the append is sent again with the same ids and is there once', async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    await stage.store.append(stream, events(1), 'no_stream')
    stage.stub.freeze(1500)
    const list = events(2)
    expect(await stage.store.append(stream, list, 0n)).toMatchObject({ ok: true, revision: 2n })
    expect(stage.stub.log.stream(stream).map(({ id }) => id)).toEqual(expect.arrayContaining([...idsOf(list)]))
    expect(stage.stub.log.stream(stream)).toHaveLength(3)
  })

  test('an append that is stored after it was given up is not stored again', async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    await stage.store.append(stream, events(1), 'no_stream')
    stage.stub.faults.hold('append')
    const appending = stage.store.append(stream, events(2), 0n)
    await eventually(() => expect(stage.stub.faults.held('append')).toBeGreaterThan(1))
    stage.stub.faults.release('append')
    expect(await appending).toMatchObject({ ok: true, revision: 2n })
    expect(stage.stub.log.stream(stream)).toHaveLength(3)
  })

  test('an answer that is lost: the retry is the same append', async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    stage.stub.faults.dropAnswer(1)
    expect(await stage.store.append(stream, events(2), 'no_stream')).toMatchObject({ ok: true, revision: 1n })
    expect(stage.stub.log.stream(stream)).toHaveLength(2)
  })

  test('under exists, a lost answer stores no second time, and a list that is given again is stored again', async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    await stage.store.append(stream, events(1), 'no_stream')
    stage.stub.faults.dropAnswer(1)
    const list = events(2)
    expect(await stage.store.append(stream, list, 'exists')).toMatchObject({ ok: true, revision: 2n })
    expect(await stage.store.append(stream, list, 'exists')).toMatchObject({ ok: true, revision: 4n })
  })
})

describe('one client for the process', () => {
  test('stores of a process share one client', async () => {
    await using stage = await esdbStage()
    const stores = [stage.store, stage.another(), stage.another()]
    await Promise.all(stores.map((store) => store.append(freshStream(), events(1), 'no_stream')))
    await Promise.all(stores.map((store) => all(store.readAll({ prefixes: [freshStream()] }))))
    expect([stage.stub.clients, stage.stub.connections]).toEqual([1, 1])
  })

  test('a second server in the same process is refused while the first is in use', async () => {
    await using stage = await esdbStage()
    const options = { url: 'esdb://127.0.0.1:1?tls=false', onTrouble: () => undefined }
    expect(() => new EventStoreDbEventStore(options)).toThrow('a process speaks to one EventStoreDB alone')
    await stage.store.close()
    await new EventStoreDbEventStore(options).close()
  })

  test('a client in doubt is disposed of; the next one has a connection of its own, and the old one is closed', async () => {
    await using stage = await esdbStage()
    await stage.store.append(freshStream(), events(1), 'no_stream')
    stage.stub.stall()
    expect(await stage.store.append(freshStream(), events(1), 'no_stream')).toMatchObject({ ok: true })
    expect([stage.troubles.length, stage.stub.clients, stage.stub.connections]).toEqual([1, 2, 2])
    stage.stub.thaw()
    await eventually(() => expect(stage.stub.connections).toBe(1))
  })

  test('another client that loses its server rejects our append though it was stored; it is settled, and the store goes on', async () => {
    await using stage = await esdbStage()
    const other = await new EsdbStub().start()
    const child = spawnScript(BESIDE_ANOTHER, [stage.stub.url(), other.url()])
    await child.line('ready')
    stage.stub.faults.hold('append')
    child.say('append')
    await eventually(() => expect(stage.stub.faults.held('append')).toBe(1))
    await other.die()
    await eventually(() => expect(stage.stub.faults.held('append')).toBeGreaterThan(1))
    stage.stub.faults.release('append')
    await child.line('appended 1')
    expect(await child.ended()).toMatchObject({ code: 0 })
    expect(stage.stub.log.stream('beside-1')).toHaveLength(2)
  })

  test('more appends than the client holds back without harm, on a server that freezes: none ends the process', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    await using stage = await esdbStage({ timing: { deadlineMs: 1500 } })
    await stage.store.append(freshStream(), events(1), 'no_stream')
    stage.stub.freeze()
    const large = () => [event({ text: 'x'.repeat(200_000) })]
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => stage.store.append(freshStream(), large(), 'no_stream')))
    process.off('unhandledRejection', note)
    expect(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason instanceof Transient)).toBe(true)
    expect(unhandled).toEqual([])
  })

  test('three hundred appends at once on a connection that is not open yet', async () => {
    await using stage = await esdbStage()
    const outcomes = await Promise.all(Array.from({ length: 300 }, () => stage.store.append(freshStream(), events(1), 'no_stream')))
    expect(outcomes.every(({ ok }) => ok)).toBe(true)
    expect(stage.troubles).toEqual([])
  })
})

describe('what passes is tried again', () => {
  test.each([
    ['INTERNAL, without a type', INTERNAL, 'Received RST_STREAM with code 2'],
    ['UNAVAILABLE, without a type', UNAVAILABLE, 'Connection dropped'],
    ['Server Is Not Ready', UNAVAILABLE, 'Server Is Not Ready'],
    ['a time-out of the server', 10, 'Operation timed out: Prepare timeout'],
  ])('%s', async (_, code, details) => {
    await using stage = await esdbStage()
    const stream = freshStream()
    for (const scope of ['features', 'append'] as const) {
      stage.stub.faults.refuse(scope, { code, details }, 2)
      expect(await stage.store.append(`${stream}-${scope}`, events(1), 'no_stream')).toMatchObject({ ok: true })
    }
    stage.stub.faults.refuse('read', { code, details }, 2)
    expect(await all(stage.store.readStream(`${stream}-append`))).toHaveLength(1)
    stage.stub.faults.refuse('subscribe', { code, details }, 2)
    expect(await all(stage.store.readAll({ prefixes: [stream] }))).toHaveLength(2)
  })

  test('a server that is not ready answers each append with a sentence of its own', async () => {
    await using stage = await esdbStage()
    await stage.store.append(freshStream(), events(1), 'no_stream')
    stage.stub.faults.notReady = true
    const appending = stage.store.append(freshStream(), events(1), 'no_stream')
    setTimeout(() => {
      stage.stub.faults.notReady = false
    }, 300)
    expect(await appending).toMatchObject({ ok: true })
  })

  test('a node that does not lead names the one that does, and the append goes there', async () => {
    await using leader = await new EsdbStub().start()
    await using stage = await esdbStage()
    stage.stub.faults.refuseAsFollower('append', { host: '127.0.0.1', port: leader.port })
    const stream = freshStream()
    expect(await stage.store.append(stream, events(1), 'no_stream')).toMatchObject({ ok: true })
    expect([leader.log.stream(stream).length, stage.stub.log.stream(stream).length]).toEqual([1, 0])
  })

  test('a connection string that asks for silent failures is overruled: a conflict tells the actual revision', async () => {
    await using stage = await esdbStage({ settings: '&throwOnAppendFailure=false' })
    const stream = freshStream()
    await stage.store.append(stream, events(3), 'no_stream')
    expect(await stage.store.append(stream, events(1), 0n)).toEqual({ ok: false, actual: 2n })
  })

  test('a stream that was deleted for ever takes no append and has no events', async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    await stage.store.append(stream, events(1), 'no_stream')
    stage.stub.log.tombstone(stream)
    expect(await stage.store.append(stream, events(1), 0n).catch((error: unknown) => error)).toMatchObject({ code: 'event_store.stream_deleted' })
    expect(await all(stage.store.readStream(stream))).toEqual([])
  })
})

/** Runs some lines on a client without the store, in a process of its own. */
async function bareClient(stub: EsdbStub, lines: string): Promise<{ readonly code: unknown; readonly said: string }> {
  return spawnScript(`${BARE}\n${lines}`, [stub.url()]).ended()
}

const BARE = `
  const { once } = await import('node:events')
  const { EventStoreDBClient } = await import('@eventstore/db-client')
  const client = EventStoreDBClient.connectionString(process.argv[1])
  const append = (stream, list) =>
    client.appendToStream(stream, list.map((each) => ({ ...each, data: {}, contentType: 'application/json' })), { expectedRevision: 'no_stream' }).catch(() => undefined)
`

/** A store beside a client of somebody else, which it does not know of. */
const BESIDE_ANOTHER = `
  const { once } = await import('node:events')
  const { EventStoreDBClient } = await import('@eventstore/db-client')
  const { EventStoreDbEventStore } = await import('@loomworks/event-store/eventstoredb')
  const event = () => ({ id: crypto.randomUUID(), type: 'Noted', body: {} })
  const store = new EventStoreDbEventStore({ url: process.argv[1], onTrouble: () => {} })
  const other = EventStoreDBClient.connectionString(process.argv[2])
  await other.appendToStream('other-1', { id: crypto.randomUUID(), type: 'Noted', data: {}, contentType: 'application/json' }, { expectedRevision: 'no_stream' })
  await store.append('beside-0', [event()], 'no_stream')
  process.stdout.write('ready\\n')
  await once(process.stdin, 'data')
  const { revision } = await store.append('beside-1', [event(), event()], 'no_stream')
  process.stdout.write('appended ' + revision + '\\n')
  await store.append('beside-2', [event()], 'no_stream')
  process.exit()
`

function spawnScript(script: string, args: readonly string[]) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk) => (said += chunk))
  const exit = once(child, 'exit')
  return {
    say: (line: string) => child.stdin.write(`${line}\n`),
    line: (text: string) => eventually(() => expect(said).toContain(text)),
    ended: async () => {
      const [code]: unknown[] = await exit
      return { code, said }
    },
  }
}
