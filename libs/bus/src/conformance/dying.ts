import { newId, Terminal, Transient } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { type Bench, durable, type Hearing, hearing, hears, LIMITS, lettersOf, note, notes, numberOf, SERVICE, silence } from './bench.ts'

export function dying(bench: () => Bench): void {
  test('a message that cannot be handled is dead at once, with its payload, its origin and the reason', async () => {
    const { bus } = bench()
    const entity = newId()
    await using listener = hearing(bus, await durable(bus, entity), () => {
      throw new Terminal('schema', 'line one\nline two \u0000 and half a character \ud83d')
    })
    const message = { ...note(entity, 7), headers: { traceparent: 'a-trace' } }
    const { seq } = await bus.publish(message)
    await expect.poll(() => lettersOf(bus, entity), LIMITS).toHaveLength(1)
    const [letter] = await lettersOf(bus, entity)
    expect(letter).toMatchObject({ subject: `dlq.${SERVICE}.schema`, data: message.data })
    expect(letter?.headers).toMatchObject({ origin: 'EVENTS', 'origin-seq': String(seq), 'origin-subject': message.subject, 'origin-id': message.id })
    expect(letter?.headers).toMatchObject({ reason: 'schema', deliveries: '1', 'origin-headers': JSON.stringify(message.headers) })
    expect(letter?.headers.error).toMatch(/^line one line two .* and half a character/)
    await overWith(bench, listener, entity)
  })

  test('a payload of 64 KiB dies whole', async () => {
    const { bus } = bench()
    const entity = newId()
    await using _ = hearing(bus, await durable(bus, entity), () => ({ dead: 'stale', error: 'ä'.repeat(2000) }))
    const data = JSON.stringify('ä'.repeat(32_767))
    await bus.publish({ ...note(entity), data })
    await expect.poll(async () => (await lettersOf(bus, entity)).map((letter) => letter.data === data), LIMITS).toEqual([true])
  })

  test('a handler that throws again and again has its message dead at the sixth delivery', async () => {
    const { bus } = bench()
    const entity = newId()
    // The first five answers are quick retries of the handler's own, so that the limit is met without the growing delays.
    await using listener = hearing(bus, await durable(bus, entity), ({ deliveries }) => {
      if (deliveries > 5) throw new Error(`broken at ${deliveries}`)
      return { retryMs: 0 }
    })
    await bus.publish(note(entity))
    await expect.poll(() => lettersOf(bus, entity), LIMITS).toHaveLength(1)
    const [letter] = await lettersOf(bus, entity)
    expect(letter?.headers).toMatchObject({ reason: 'exhausted', error: 'broken at 6', deliveries: '6' })
    await overWith(bench, listener, entity)
  })

  test('trouble that passes is retried for ever: the hundred-and-first delivery is one more', async () => {
    const { bus } = bench()
    const entity = newId()
    let handled = false
    await using listener = hearing(bus, await durable(bus, entity, { maxPending: 1 }), ({ deliveries }) => {
      if (deliveries <= 110) return { retryMs: 0 }
      if (deliveries === 111) throw new Transient('the database is away')
      handled = true
      return 'ack'
    })
    await bus.publish(note(entity))
    await expect.poll(() => listener.heard.length, LIMITS).toBeGreaterThanOrEqual(111)
    // The answer to Transient trouble at such a count is half a minute away; it is not a letter.
    expect(handled).toBe(false)
    expect(await lettersOf(bus, entity)).toEqual([])
  })

  test('a message that kills its handler again and again is dead before the handler runs once more, and the lane goes on', async () => {
    const { bus } = bench()
    const entity = newId()
    await using listener = hearing(bus, await durable(bus, entity, { maxPending: 1, ackWaitMs: 20 }), (delivery) =>
      numberOf(delivery) === 0 ? silence() : 'ack',
    )
    for (const each of notes(entity, 2)) await bus.publish(each)
    await expect.poll(() => listener.heard.at(-1)?.data, LIMITS).toBe(JSON.stringify({ n: 1 }))
    expect(listener.heard.filter((each) => numberOf(each) === 0)).toHaveLength(100)
    expect((await lettersOf(bus, entity)).map(({ headers }) => headers.reason)).toEqual(['exhausted'])
  })

  test('while the dead letters are down nothing ends, and when they are back the letter is written', async () => {
    const { bus } = bench()
    const entity = newId()
    await using listener = hearing(bus, await durable(bus, entity, { maxPending: 1 }), (delivery) =>
      numberOf(delivery) === 0 ? { dead: 'unroutable' } : 'ack',
    )
    const bringBack = await bench().withoutDeadLetters()
    try {
      for (const each of notes(entity, 2)) await bus.publish(each)
      await expect.poll(() => listener.heard.length, LIMITS).toBeGreaterThanOrEqual(2)
      expect(listener.heard.every((each) => numberOf(each) === 0)).toBe(true)
    } finally {
      await bringBack()
    }
    await expect.poll(() => listener.heard.map(numberOf).at(-1), LIMITS).toBe(1)
    expect((await lettersOf(bus, entity)).map(({ headers }) => headers.reason)).toEqual(['unroutable'])
  })
}

/** The dead message does not come again: what is said afterwards is the next and only thing heard. */
async function overWith(bench: () => Bench, listener: Hearing, entity: string): Promise<void> {
  const before = listener.heard.length
  await listener.stop()
  const { bus, another } = bench()
  const spec = await durable(bus, entity)
  await using later = hearing(another(), spec)
  await hears(later, 1)
  expect(listener.heard).toHaveLength(before)
  expect(await lettersOf(bus, entity)).toHaveLength(1)
}
