// What real servers and the unmodified client were seen to do to reads and subscriptions, each shown on the stub.
import { Transient } from '@loomworks/kernel'
import { eventually } from '@loomworks/testing'
import { callError, esdbStage, type Stage } from '@loomworks/testing/esdb-stub'
import { beforeEach, describe, expect, test } from 'vitest'
import { all, event, events, firstEvents, freshStream, idsOf } from './conformance/bench.ts'
import type { Delivery, EventStore, NewEvent } from './port.ts'

beforeEach(({ skip }) => skip(process.env.EVENTSTORE_TEST_URL !== undefined, 'needs the control of the stub'))

describe('a subscription outlives its server', () => {
  test('it goes on behind what it has seen when the server died, without a gap and without a repeat', async () => {
    await using stage = await esdbStage()
    const { stream, live, written } = await followed(stage)
    for (let round = 0; round < 3; round++) {
      await stage.stub.die()
      await stage.stub.start()
      written.push(...(await appended(stage.store, stream, written.length)))
      await eventually(() => expect(live.ids).toEqual(idsOf(written)))
    }
    await live.stop()
  })

  test('it is opened again when the server ends it with a time-out, and when that comes twice', async () => {
    await using stage = await esdbStage()
    const { stream, live, written } = await followed(stage)
    for (const error of [undefined, callError(14, 'Connection dropped')]) {
      expect(stage.stub.faults.endSubscriptions(error)).toBe(1)
      stage.stub.cut()
      written.push(...(await appended(stage.store, stream, written.length)))
      await eventually(() => expect(live.ids).toEqual(idsOf(written)))
    }
    await live.stop()
  })

  test('it goes on after a server that froze', async () => {
    await using stage = await esdbStage()
    const { stream, live, written } = await followed(stage)
    stage.stub.freeze(1200)
    written.push(...(await appended(stage.store, stream, written.length)))
    await eventually(() => expect(live.ids).toEqual(idsOf(written)))
    await live.stop()
  })

  test('it is found out when a subscription says nothing of what is in the log', async () => {
    await using stage = await esdbStage()
    const { stream, live, written } = await followed(stage)
    stage.stub.faults.muteSubscriptions()
    written.push(...(await appended(stage.store, stream, written.length)))
    await eventually(() => expect(live.ids).toEqual(idsOf(written)))
    await live.stop()
  })

  test('a reader that is behind waits for a server that is not ready, for ever', async () => {
    await using stage = await esdbStage({ timing: { deadlineMs: 300 } })
    const stream = freshStream()
    const list = await appended(stage.store, stream, 0)
    stage.stub.faults.notReady = true
    const reading = firstEvents(stage.store.subscribe({ prefixes: [stream] }, { signal: never }), 2)
    await eventually(() => expect(stage.troubles.length).toBeGreaterThan(3))
    stage.stub.faults.notReady = false
    expect(idsOf(await reading)).toEqual(idsOf(list))
  })
})

describe('caught up', () => {
  test('may never be said: a replay ends all the same, and a follower is told', async () => {
    await using stage = await esdbStage()
    stage.stub.faults.caughtUp = 'never'
    const stream = freshStream()
    const list = await appended(stage.store, stream, 0)
    expect(idsOf(await all(stage.store.readAll({ prefixes: [stream] })))).toEqual(idsOf(list))
    expect(await all(stage.store.readAll({ prefixes: [freshStream()] }))).toEqual([])
    const kinds = await kindsUntil(stage.store.subscribe({ prefixes: [stream] }, { signal: never }), 3)
    expect(kinds).toEqual(['event', 'event', 'caught_up'])
  })

  test('may never be said to the live end either: who joins it is told when there is no more', async () => {
    await using stage = await esdbStage()
    const { stream, live, written } = await followed(stage)
    stage.stub.faults.caughtUp = 'never'
    stage.stub.cut()
    written.push(...(await appended(stage.store, stream, written.length)))
    await eventually(() => expect(live.ids).toEqual(idsOf(written)))
    await eventually(() => expect(live.caughtUpAfter).toBe(written.length))
    await live.stop()
  })

  test('may come again: nothing is repeated', async () => {
    await using stage = await esdbStage()
    stage.stub.faults.caughtUp = 'twice'
    const { stream, live, written } = await followed(stage)
    stage.stub.cut()
    written.push(...(await appended(stage.store, stream, written.length)))
    await eventually(() => expect(live.ids).toEqual(idsOf(written)))
    expect(idsOf(await all(stage.store.readAll({ prefixes: [stream] })))).toEqual(idsOf(written))
    await live.stop()
  })

  test('does not overtake the events before it', async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    await stage.store.append(stream, events(700), 'no_stream')
    for (let round = 0; round < 5; round++) {
      const seen = await kindsUntil(stage.store.subscribe({ prefixes: [stream] }, { signal: never }), 701)
      expect(seen.indexOf('caught_up')).toBe(700)
    }
  })
})

describe('what stands in the log and is no event of ours', () => {
  test('a tombstone is passed over, live and in a replay', async () => {
    await using stage = await esdbStage()
    const { stream, live, written } = await followed(stage)
    const gone = `${stream}-gone`
    written.push(...(await appended(stage.store, gone, 0)))
    stage.stub.log.tombstone(gone)
    written.push(...(await appended(stage.store, `${stream}-after`, 0)))
    await eventually(() => expect(live.ids).toEqual(idsOf(written)))
    const read = await all(stage.store.readAll({ prefixes: [stream] }))
    expect(idsOf(read)).toEqual(idsOf(written))
    expect(read.every(({ revision }) => revision < 2n)).toBe(true)
    await live.stop()
  })

  test("the server's own streams are nobody's, whatever the filter", async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    await appended(stage.store, stream, 0)
    expect((await all(stage.store.readAll({ prefixes: ['', '$'] }))).map((each) => each.stream)).toEqual([stream, stream])
  })

  test('something that is no object ends the reader with an error, and nothing else', async () => {
    await using stage = await esdbStage()
    const stream = freshStream()
    stage.stub.log.append(stream, 'no_stream', [
      { id: crypto.randomUUID(), type: 'Blob', contentType: 'application/octet-stream', data: new Uint8Array([1]), metadata: new Uint8Array() },
    ])
    const broken = { code: 'event_store.broken' }
    expect(await all(stage.store.readStream(stream)).catch((error: unknown) => error)).toMatchObject(broken)
    expect(await firstEvents(stage.store.subscribe({ prefixes: [stream] }, { signal: never }), 1).catch((error: unknown) => error)).toMatchObject(broken)
    expect(await stage.store.append(freshStream(), events(1), 'no_stream')).toMatchObject({ ok: true })
  })
})

describe('one connection carries a hundred streams', () => {
  test('a hundred and fifty followers of one set of streams are one subscription', async () => {
    await using stage = await esdbStage({ streamsPerConnection: 20 })
    const stream = freshStream()
    const stop = new AbortController()
    const read = Array.from({ length: 150 }, (): string[] => [])
    const followers = read.map(async (ids, n) => {
      const prefixes = n % 2 === 0 ? [stream, 'other-'] : ['other-', stream]
      for await (const delivery of stage.store.subscribe({ prefixes }, { signal: stop.signal })) if (delivery.kind === 'event') ids.push(delivery.event.id)
    })
    const written = [...(await appended(stage.store, stream, 0))]
    await eventually(() => expect(read.every((ids) => ids.length === 2)).toBe(true))
    written.push(...(await appended(stage.store, stream, 2)))
    await eventually(() => expect(read.every((ids) => ids.length === 4)).toBe(true))
    expect(stage.stub.faults.openSubscriptions).toBe(1)
    expect(new Set(read.map((ids) => ids.join()))).toEqual(new Set([idsOf(written).join()]))
    stop.abort()
    await Promise.all(followers)
    await eventually(() => expect(stage.stub.faults.openSubscriptions).toBe(0))
  })

  test('more sets of streams than there is room for are refused, and the others go on', async () => {
    await using stage = await esdbStage()
    const stop = new AbortController()
    const told = Array.from({ length: 32 }, () => kindsUntil(stage.store.subscribe({ prefixes: [freshStream()] }, { signal: stop.signal }), 2))
    await eventually(() => expect(stage.stub.faults.openSubscriptions).toBe(32))
    await expect(firstEvents(stage.store.subscribe({ prefixes: [freshStream()] }, { signal: never }), 1)).rejects.toThrow('32 sets of streams')
    stop.abort()
    await Promise.all(told)
  })

  test('appends find room while more reads hang than a connection carries', async () => {
    await using stage = await esdbStage({ timing: { deadlineMs: 30_000, readMs: 20_000, attemptMs: 5000 } })
    stage.stub.faults.hold('read')
    const reads = Array.from({ length: 200 }, () => all(stage.store.readStream(freshStream())))
    await eventually(() => expect(stage.stub.faults.held('read')).toBeGreaterThan(50))
    expect(await stage.store.append(freshStream(), events(1), 'no_stream')).toMatchObject({ ok: true })
    expect(stage.troubles).toEqual([])
    stage.stub.faults.release('read')
    expect((await Promise.all(reads)).flat()).toEqual([])
  })
})

describe('reads are raced by a timer of ours', () => {
  test('a frozen server: a read is given up, and the next one finds a new client', async () => {
    await using stage = await esdbStage({ timing: { deadlineMs: 1500 } })
    const stream = freshStream()
    const list = await appended(stage.store, stream, 0)
    stage.stub.freeze()
    const began = performance.now()
    await expect(all(stage.store.readStream(stream))).rejects.toThrow(Transient)
    await expect(all(stage.store.readAll({ prefixes: [stream] }))).rejects.toThrow(Transient)
    // The connection itself finds out after twenty seconds.
    expect(performance.now() - began).toBeLessThan(15_000)
    stage.stub.thaw()
    expect(idsOf(await all(stage.store.readStream(stream)))).toEqual(idsOf(list))
    expect(idsOf(await all(stage.store.readAll({ prefixes: [stream] })))).toEqual(idsOf(list))
  })
})

describe('a slow consumer', () => {
  test('gets everything in order, though the live end has long gone past it', async () => {
    await using stage = await esdbStage()
    const { stream, live, written } = await followed(stage)
    const stop = new AbortController()
    const slow = stage.store.subscribe({ prefixes: [stream] }, { signal: stop.signal })[Symbol.asyncIterator]()
    const ids: string[] = []
    const next = async () => {
      const { value } = await slow.next()
      if (value?.kind === 'event') ids.push(value.event.id)
      return value?.kind
    }
    while ((await next()) !== 'caught_up');
    written.push(...(await manyAppended(stage.store, stream, 2)))
    await eventually(() => expect(live.ids).toEqual(idsOf(written)))
    while (ids.length < written.length) await next()
    expect(ids).toEqual(idsOf(written))
    stop.abort()
    await slow.next()
    await live.stop()
  })
})

const never = new AbortController().signal

/** Two events more, after so many. */
async function appended(store: EventStore, stream: string, after: number): Promise<readonly NewEvent[]> {
  const list = events(2)
  expect(await store.append(stream, list, after === 0 ? 'no_stream' : BigInt(after - 1))).toMatchObject({ ok: true })
  return list
}

/** More than the live end keeps. */
async function manyAppended(store: EventStore, stream: string, after: number): Promise<readonly NewEvent[]> {
  const written: NewEvent[] = []
  for (let turn = 0; turn < 30; turn++) {
    const list = Array.from({ length: 100 }, () => event())
    expect(await store.append(stream, list, BigInt(after + written.length - 1))).toMatchObject({ ok: true })
    written.push(...list)
  }
  return written
}

interface Live {
  readonly ids: string[]
  /** How many events there were when it was last said that there is no more. */
  caughtUpAfter: number
  stop(): Promise<void>
}

/** A stream with two events and somebody who follows it live. */
async function followed({ store, stub }: Stage): Promise<{ readonly stream: string; readonly live: Live; readonly written: NewEvent[] }> {
  const stream = freshStream()
  const written = [...(await appended(store, stream, 0))]
  const stop = new AbortController()
  const live: Live = {
    ids: [],
    caughtUpAfter: -1,
    stop: async () => {
      stop.abort()
      await following
    },
  }
  const following = (async () => {
    for await (const delivery of store.subscribe({ prefixes: [stream] }, { signal: stop.signal })) {
      if (delivery.kind === 'event') live.ids.push(delivery.event.id)
      else live.caughtUpAfter = live.ids.length
    }
  })()
  await eventually(() => expect([live.ids.length, stub.faults.openSubscriptions]).toEqual([2, 1]))
  return { stream, live, written }
}

async function kindsUntil(deliveries: AsyncIterable<Delivery>, count: number): Promise<readonly string[]> {
  const kinds: string[] = []
  for await (const { kind } of deliveries) if (kinds.push(kind) === count) break
  return kinds
}
