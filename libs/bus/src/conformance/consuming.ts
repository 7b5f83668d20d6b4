import { once } from 'node:events'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { newId } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { type Delivery, LANES, laneOf } from '../port.ts'
import { type Bench, clientProcess, durable, hearing, hears, idsOf, LIMITS, linesOf, note, notes, numberOf, SERVICE, silence, subjectOf } from './bench.ts'

const ACK_WAIT_MS = 300

export function consuming(bench: () => Bench): void {
  test('a filter names tokens: one star for one of them, an angle for the rest', async () => {
    const { bus } = bench()
    const e = newId()
    const subjects = [`evt.a.0.${e}.Made`, `evt.a.1.${e}.Made`, `evt.a.0.${e}.Ended`, `evt.b.0.${e}.Made`, `evt.a.0.${e}.Made.more`, `evt.ab.0.${e}.Made`]
    const cases: readonly (readonly [filters: readonly string[], heard: readonly number[]])[] = [
      [[`evt.a.*.${e}.Made`], [0, 1]],
      [[`evt.a.0.${e}.*`], [0, 2]],
      [[`evt.a.0.${e}.>`], [0, 2, 4]],
      [[`evt.*.0.${e}.Made`], [0, 3, 5]],
      [
        [`evt.b.0.${e}.Made`, `evt.a.0.${e}.Ended`],
        [2, 3],
      ],
      [
        [`evt.a.0.${e}.Made`, `evt.a.>`],
        [0, 1, 2, 4],
      ],
    ]
    const listeners = await Promise.all(cases.map(async ([filters]) => hearing(bus, await durable(bus, e, { filters }))))
    for (const [n, subject] of subjects.entries()) await bus.publish({ subject, id: `${e}/${n}`, data: JSON.stringify({ n }) })
    for (const [index, [filters, expected]] of cases.entries()) {
      const heard = () => listeners[index]?.heard.filter(({ subject }) => subject.includes(e)).map(numberOf)
      await expect.poll(heard, { ...LIMITS, message: filters.join(' ') }).toEqual(expected)
    }
    await Promise.all(listeners.map((each) => each.stop()))
  })

  test('a late consumer hears what was said before it was', async () => {
    const { bus, another } = bench()
    const entity = newId()
    for (const each of notes(entity, 5)) await bus.publish(each)
    await using listener = hearing(another(), await durable(bus, entity))
    await expect.poll(() => listener.heard.length, LIMITS).toBe(5)
    await bus.publish(note(entity, 5))
    expect((await hears(listener, 6)).map(numberOf)).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('what a durable heard from its first filters it hears still when it has got more, also through an older instance', async () => {
    const { bus, another } = bench()
    const [first, second] = [newId(), newId()]
    const old = await durable(bus, first)
    const more = { ...old, filters: [`evt.${SERVICE}.*.${first}.>`, `evt.${SERVICE}.*.${second}.>`] }
    await another().ensure({ streams: [], consumers: [more] })
    await bus.ensure({ streams: [], consumers: [old] })
    await using listener = hearing(bus, more)
    for (const each of [first, second]) await bus.publish(note(each))
    await hears(listener, 2)
  })

  test('instances share a durable: the work is split, and no message is with two handlers that live', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { maxPending: 8 })
    const live = new Set<string>()
    let together = 0
    const handler = async ({ id }: Delivery) => {
      if (live.has(id)) together++
      live.add(id)
      await delay(5)
      live.delete(id)
      return 'ack' as const
    }
    await using here = hearing(bus, spec, handler)
    const other = another()
    await using there = hearing(other, spec, handler)
    const sent = notes(entity, 200)
    await Promise.all(sent.map((each, n) => (n % 2 === 0 ? bus : other).publish(each)))
    await expect.poll(() => here.heard.length + there.heard.length, LIMITS).toBe(sent.length)
    expect(together).toBe(0)
    expect(new Set([...idsOf(here.heard), ...idsOf(there.heard)])).toEqual(new Set(idsOf(sent)))
    expect(Math.min(here.heard.length, there.heard.length)).toBeGreaterThan(0)
  })

  test('one process reads a durable once; when it has stopped it may begin again', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity)
    const first = hearing(bus, spec)
    expect(() => hearing(bus, spec)).toThrow(expect.objectContaining({ code: 'bus.durable_taken' }))
    await using elsewhere = hearing(another(), spec)
    await first.stop()
    await using second = hearing(bus, spec)
    for (const each of notes(entity, 20)) await bus.publish(each)
    await expect.poll(() => second.heard.length + elsewhere.heard.length, LIMITS).toBe(20)
    expect(first.heard).toHaveLength(0)
  })

  test('no more than max pending are under way at once, over all instances', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { maxPending: 3 })
    let live = 0
    let most = 0
    const handler = async () => {
      most = Math.max(most, ++live)
      await delay(10)
      live--
      return 'ack' as const
    }
    await using here = hearing(bus, spec, handler)
    await using there = hearing(another(), spec, handler)
    for (const each of notes(entity, 40)) await bus.publish(each)
    await expect.poll(() => here.heard.length + there.heard.length, LIMITS).toBe(40)
    expect(most).toBeLessThanOrEqual(3)
  })

  test('a message whose handler says nothing comes again after the ack wait, and the first handler is told', async () => {
    const { bus } = bench()
    const entity = newId()
    const times: number[] = []
    const spec = await durable(bus, entity, { ackWaitMs: ACK_WAIT_MS, maxPending: 1 })
    await using listener = hearing(bus, spec, ({ deliveries }) => {
      times.push(performance.now())
      return deliveries === 1 ? silence() : 'ack'
    })
    await bus.publish(note(entity))
    const [first, second] = await hears(listener, 2)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(ACK_WAIT_MS * 0.9)
    expect([first?.deliveries, second?.deliveries]).toEqual([1, 2])
    expect([first?.signal.aborted, second?.signal.aborted]).toEqual([true, false])
  })

  test('a handler that says it is working keeps its message beyond the ack wait', async () => {
    const { bus, another } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { ackWaitMs: ACK_WAIT_MS, maxPending: 1 })
    const handler = async ({ working, signal, data }: Delivery) => {
      const until = performance.now() + (numberOf({ data }) === 0 ? ACK_WAIT_MS * 4 : 0)
      while (performance.now() < until && !signal.aborted) {
        working()
        await delay(ACK_WAIT_MS / 6)
      }
      return 'ack' as const
    }
    await using here = hearing(bus, spec, handler)
    await using there = hearing(another(), spec, handler)
    await bus.publish(note(entity, 0))
    await bus.publish(note(entity, 1))
    await expect.poll(() => here.heard.length + there.heard.length, LIMITS).toBe(2)
    const all = [...here.heard, ...there.heard]
    expect(all.map(numberOf).sort()).toEqual([0, 1])
    expect(all.every(({ deliveries, signal }) => deliveries === 1 && !signal.aborted)).toBe(true)
  })

  test('a handler that worked until just now and then ends has ended', async () => {
    const { bus } = bench()
    const entity = newId()
    await using listener = hearing(bus, await durable(bus, entity, { ackWaitMs: ACK_WAIT_MS, maxPending: 1 }), async ({ working }) => {
      working()
      await setImmediate()
      // While the first word is on its way these two wait for the same turn.
      working()
      return 'ack' as const
    })
    const began = performance.now()
    for (const each of notes(entity, 20)) await bus.publish(each)
    expect((await hears(listener, 20)).map(numberOf)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(listener.heard.every(({ deliveries }) => deliveries === 1)).toBe(true)
    expect(performance.now() - began).toBeLessThan(ACK_WAIT_MS * 20)
  })

  test('a message comes again no sooner than its handler asked, and meanwhile others pass', async () => {
    const { bus } = bench()
    const entity = newId()
    const retryMs = 600
    const times: number[] = []
    await using listener = hearing(bus, await durable(bus, entity), (delivery) => {
      if (numberOf(delivery) > 0) return 'ack'
      times.push(performance.now())
      return times.length < 3 ? { retryMs } : 'ack'
    })
    await bus.publish(note(entity, 0))
    await bus.publish(note(entity, 1))
    await hears(listener, 4)
    expect(listener.heard.map(numberOf)).toEqual([0, 1, 0, 0])
    const waits = times.slice(1).map((time, n) => time - (times[n] ?? 0))
    expect(waits.every((wait) => wait > retryMs * 0.95 && wait < retryMs + 1000)).toBe(true)
  })

  test('eight lanes: an entity is always in the lane of its token, and each lane hears its own alone', async () => {
    const { bus } = bench()
    const type = `T${newId().replaceAll('-', '')}`
    const lanes = await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => hearing(bus, await durable(bus, '', { filters: [`evt.${SERVICE}.${lane}.*.${type}`], maxPending: 1 }))),
    )
    const entities = Array.from({ length: 64 }, () => newId())
    await Promise.all(entities.map((entity) => bus.publish({ subject: subjectOf(entity, type), id: newId(), data: JSON.stringify({ entity }) })))
    await expect.poll(() => lanes.reduce((sum, { heard }) => sum + heard.length, 0), LIMITS).toBe(entities.length)
    for (const [lane, { heard }] of lanes.entries()) expect(heard.every(({ subject }) => laneOf(subject.split('.')[3] ?? '') === lane)).toBe(true)
    expect(lanes.filter(({ heard }) => heard.length > 0).length).toBeGreaterThan(4)
    await Promise.all(lanes.map((each) => each.stop()))
  })

  test('a consumer killed with -9 over its messages loses none of them', async () => {
    const { bus } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { ackWaitMs: 1000, maxPending: 4 })
    const client = clientProcess(bench(), 'bus.consume(given, async ({ id }) => { process.stdout.write(id + "\\n"); await new Promise(() => {}) })', spec)
    const sent = notes(entity, 6)
    for (const each of sent) await bus.publish(each)
    const taken = await linesOf(client, 4)
    client.kill('SIGKILL')
    await once(client, 'exit')
    await using listener = hearing(bus, spec)
    const heard = await hears(listener, 6)
    expect(new Set(idsOf(heard))).toEqual(new Set(idsOf(sent)))
    expect(new Set(idsOf(heard.filter(({ deliveries }) => deliveries === 2)))).toEqual(new Set(taken))
  })
}
