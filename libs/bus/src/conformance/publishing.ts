import { newId, Terminal } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { MAX_MESSAGE_BYTES } from '../port.ts'
import {
  type Bench,
  durable,
  hearing,
  hears,
  idsOf,
  LIMITS,
  note,
  notes,
  SERVICE,
  SHORT_WINDOW_MS,
  serverOf,
  stored,
  storedOf,
  subjectOf,
  TOPOLOGY,
} from './bench.ts'

export function publishing(bench: () => Bench): void {
  test('an acknowledged message survives a restart of the server', async ({ skip }) => {
    const { bus } = bench()
    const server = serverOf(bench(), skip)
    const message = { ...note(newId()), headers: { traceparent: 'a-trace' } }
    const { seq } = await bus.publish(message)
    await server.restart()
    expect(await storedOf(bus, tokenOf(message.subject))).toMatchObject([{ ...message, seq }])
  })

  test('an id is taken once inside the window, also after its acknowledgement and a restart', async ({ skip }) => {
    const { bus } = bench()
    const server = serverOf(bench(), skip)
    const entity = newId()
    await using listener = hearing(bus, await durable(bus, entity))
    const first = await bus.publish(note(entity, 0, 'once'.concat(entity)))
    expect(first.duplicate).toBe(false)
    await hears(listener, 1)
    expect(await bus.publish(note(entity, 0, 'once'.concat(entity)))).toEqual({ seq: first.seq, duplicate: true })
    await server.restart()
    expect(await bus.publish(note(entity, 0, 'once'.concat(entity)), { deadlineMs: 15_000 })).toEqual({ seq: first.seq, duplicate: true })
    expect(await storedOf(bus, entity)).toHaveLength(1)
  })

  test('the same id after the window is a new message', async () => {
    const { bus } = bench()
    const message = { subject: `saga.rep.${newId()}.induct`, id: newId(), data: '{}' }
    const began = performance.now()
    const first = await bus.publish(message)
    await expect.poll(async () => (await bus.publish(message)).duplicate, LIMITS).toBe(false)
    expect(performance.now() - began).toBeGreaterThan(SHORT_WINDOW_MS * 0.8)
    const [, second] = await stored(bus, message.subject, 'SAGA_REP')
    expect(second?.seq).toBeGreaterThan(first.seq)
  })

  test('id and headers come back as they were said, browsed and delivered', async () => {
    const { bus } = bench()
    const entity = newId()
    const headers = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'message-id': 'Grüße ✓ 漢字', empty: '', quoted: '{"a":"b: c"}' }
    const message = { ...note(entity), id: `${entity}/createPending/do/1/ä`, headers }
    await bus.publish(message)
    expect(await storedOf(bus, entity)).toMatchObject([message])
    await using listener = hearing(bus, await durable(bus, entity))
    const [delivery] = await hears(listener, 1)
    expect(delivery).toMatchObject(message)
    expect(delivery?.headers).toEqual(headers)
  })

  test('of many who publish one id at once, over two instances, one is the first', async () => {
    const { bus, another } = bench()
    const other = another()
    const message = note(newId())
    const receipts = await Promise.all(Array.from({ length: 32 }, (_, n) => (n % 2 === 0 ? bus : other).publish(message)))
    expect(receipts.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(new Set(receipts.map(({ seq }) => seq)).size).toBe(1)
  })

  test('64 KiB of payload fit; one byte more is refused, whatever characters it is made of', async () => {
    const { bus } = bench()
    const most = JSON.stringify('ä'.repeat((MAX_MESSAGE_BYTES - 2) / 2))
    const entity = newId()
    await bus.publish({ ...note(entity), data: most })
    expect((await storedOf(bus, entity)).map(({ data }) => data === most)).toEqual([true])
    const refused = bus.publish({ ...note(entity), data: `${most} ` })
    await expect(refused).rejects.toMatchObject({ name: 'Terminal', code: 'bus.message_too_large' })
  })

  test('a thousand and more at once all find their turn, in the order in which they were handed over', async () => {
    const { bus } = bench()
    const entity = newId()
    const sent = notes(entity, 1500)
    const receipts = await Promise.all(sent.map((each) => bus.publish(each)))
    expect(receipts.every(({ seq }, n) => n === 0 || seq > (receipts[n - 1]?.seq ?? 0n))).toBe(true)
    expect(idsOf(await storedOf(bus, entity))).toEqual(idsOf(sent))
  })

  test('a subject that no stream takes is refused', async () => {
    await expect(bench().bus.publish({ subject: 'nowhere.at.all', id: newId(), data: '{}' })).rejects.toMatchObject({ code: 'unroutable' })
  })

  test('a forged subject is refused, and fails alone', async () => {
    const mine = await bench().as([`evt.${SERVICE}.>`, 'saga.rep.>'])
    const entity = newId()
    const forged = [`evt.identity.0.${entity}.PersonActivated`, `saga.cmd.credit.${entity}.reserve.do`, `dlq.identity.schema`]
    const outcomes = await Promise.all(
      [...forged, subjectOf(entity), `saga.rep.${entity}.induct`].map((subject) =>
        mine.publish({ subject, id: newId(), data: '{}' }).then(
          () => 'stored',
          (error: unknown) => (error instanceof Terminal ? error.code : String(error)),
        ),
      ),
    )
    expect(outcomes).toEqual([...forged.map(() => 'bus.subject_refused'), 'stored', 'stored'])
  })

  test('a topology is made once; the same again changes nothing, another is refused', async () => {
    const { bus, another } = bench()
    await another().ensure(TOPOLOGY)
    const [first, ...rest] = TOPOLOGY.streams
    if (first === undefined) throw new Error('there is no stream')
    const changed = [
      { ...first, maxBytes: first.maxBytes + 1 },
      { ...first, duplicateWindowMs: 1 },
      { ...first, subjects: ['saga.>'] },
    ]
    for (const each of changed) await expect(bus.ensure({ streams: [each, ...rest], consumers: [] })).rejects.toMatchObject({ code: 'bus.config_mismatch' })
    const spec = await durable(bus, newId())
    await another().ensure({ streams: [], consumers: [spec] })
    for (const each of [{ maxPending: 1 }, { ackWaitMs: 1 }, { service: 'another' }, { stream: 'SAGA_CMD' as const }])
      await expect(durable(bus, newId(), { ...spec, ...each })).rejects.toMatchObject({ code: 'bus.config_mismatch' })
  })
}

function tokenOf(subject: string): string {
  return subject.split('.')[3] ?? ''
}
