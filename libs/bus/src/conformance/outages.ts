import { once } from 'node:events'
import { newId, Transient } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { type Bench, clientProcess, durable, hearing, idsOf, LIMITS, linesOf, note, notes, serverOf, storedOf, subjectOf } from './bench.ts'

const LONG_MS = 20_000

export function outages(bench: () => Bench): void {
  test('the server killed with -9 in the middle loses no acknowledged message', async ({ skip }) => {
    const { bus, another } = bench()
    const server = serverOf(bench(), skip)
    const entity = newId()
    await using listener = hearing(another(), await durable(bus, entity, { ackWaitMs: 1000 }))
    const acknowledged: string[] = []
    const publisher = async () => {
      for (const message of notes(entity, 100)) {
        await bus.publish(message, { deadlineMs: LONG_MS })
        acknowledged.push(message.id)
      }
    }
    const publishing = Promise.all(Array.from({ length: 8 }, publisher))
    await expect.poll(() => acknowledged.length, LIMITS).toBeGreaterThan(100)
    await server.kill()
    await publishing
    expect(new Set(idsOf(await storedOf(bus, entity)))).toEqual(new Set(acknowledged))
    expect(await storedOf(bus, entity)).toHaveLength(800)
    await expect.poll(() => new Set(idsOf(listener.heard)).size, LIMITS).toBe(800)
  })

  test('a client killed with -9 in the middle loses no message that was acknowledged to it', async () => {
    const { bus } = bench()
    const entity = newId()
    const program = `
      let n = 0
      const publish = async () => {
        for (;;) {
          const id = given.entity + '/' + n++
          await bus.publish({ subject: given.subject, id, data: '{"n":0}' })
          process.stdout.write(id + '\\n')
        }
      }
      for (let each = 0; each < 4; each++) publish()`
    const client = clientProcess(bench(), program, { entity, subject: subjectOf(entity) })
    const acknowledged = await linesOf(client, 60)
    client.kill('SIGKILL')
    await once(client, 'exit')
    expect(idsOf(await storedOf(bus, entity))).toEqual(expect.arrayContaining([...acknowledged]))
    await using listener = hearing(bus, await durable(bus, entity))
    await expect.poll(() => idsOf(listener.heard), LIMITS).toEqual(expect.arrayContaining([...acknowledged]))
  })

  test('with the server frozen a publish fails at its deadline, and succeeds with the same id after the thaw', async ({ skip }) => {
    const { bus } = bench()
    const server = serverOf(bench(), skip)
    const message = note(newId())
    const thaw = await server.freeze()
    try {
      const began = performance.now()
      await expect(bus.publish(message, { deadlineMs: 400 })).rejects.toBeInstanceOf(Transient)
      const second = bus.publish(note(newId()), { deadlineMs: 400 })
      await expect(second).rejects.toBeInstanceOf(Transient)
      expect(performance.now() - began).toBeGreaterThan(780)
      expect(performance.now() - began).toBeLessThan(3000)
    } finally {
      thaw()
    }
    const { seq } = await bus.publish(message, { deadlineMs: LONG_MS })
    expect(await bus.publish(message)).toEqual({ seq, duplicate: true })
  })

  test('a consumer that stalled behind a frozen server, and one cut off by a dead one, go on by themselves', async ({ skip }) => {
    const { bus, another } = bench()
    const server = serverOf(bench(), skip)
    const entity = newId()
    await using listener = hearing(another(), await durable(bus, entity, { ackWaitMs: 1000 }))
    const heardAll = (count: number) => expect.poll(() => new Set(idsOf(listener.heard)).size, LIMITS).toBe(count)
    await bus.publish(note(entity))
    await heardAll(1)
    const thaw = await server.freeze()
    await expect(bus.publish(note(entity), { deadlineMs: 300 }).finally(thaw)).rejects.toBeInstanceOf(Transient)
    await bus.publish(note(entity), { deadlineMs: LONG_MS })
    await expect.poll(async () => new Set(idsOf(listener.heard)).size, LIMITS).toBeGreaterThanOrEqual(2)
    await server.kill()
    const last = note(entity, 99)
    await bus.publish(last, { deadlineMs: LONG_MS })
    await expect.poll(() => idsOf(listener.heard), LIMITS).toContain(last.id)
    expect(new Set(idsOf(listener.heard))).toEqual(new Set(idsOf(await storedOf(bus, entity))))
  })

  test('a handler that never ends stalls its durable for the ack wait only', async () => {
    const { bus } = bench()
    const entity = newId()
    const spec = await durable(bus, entity, { maxPending: 2, ackWaitMs: 200 })
    const never = new Promise<never>(() => undefined)
    await using listener = hearing(bus, spec, ({ deliveries }) => (deliveries === 1 ? never : 'ack'))
    const sent = notes(entity, 6)
    for (const each of sent) await bus.publish(each)
    const answered = () => new Set(idsOf(listener.heard.filter(({ deliveries }) => deliveries === 2)))
    await expect.poll(answered, LIMITS).toEqual(new Set(idsOf(sent)))
  })
}
