import { Terminal, Transient } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import type { Outgoing } from './port.ts'
import { Publisher, type Receipt } from './postgres-publisher.ts'

const message = (n: number): Outgoing => ({ subject: 'evt.a.0.b.C', id: String(n), data: '{}' })
const messages = (count: number) => Array.from({ length: count }, (_, n) => message(n))
const idsOf = (list: readonly Outgoing[]) => list.map(({ id }) => id)

/** A database that keeps what it is given, each statement after the answer that `judge` gives. */
function database(judge: (batch: readonly Outgoing[], statement: number) => Promise<void> | void = () => undefined) {
  const kept: Outgoing[] = []
  const statements: (readonly Outgoing[])[] = []
  const send = async (batch: readonly Outgoing[]): Promise<readonly Receipt[]> => {
    statements.push(batch)
    await judge(batch, statements.length)
    return batch.map((each) => ({ seq: BigInt(kept.push(each)), duplicate: false }))
  }
  return { kept, statements, publisher: new Publisher(send) }
}

test('messages that wait at the same moment share a statement, 256 at most, in their order', async () => {
  const { kept, statements, publisher } = database()
  const sent = messages(1300)
  const receipts = await Promise.all(sent.map((each) => publisher.publish(each, 1000)))
  expect(receipts.map(({ seq }) => seq)).toEqual(sent.map((_, n) => BigInt(n + 1)))
  expect(idsOf(kept)).toEqual(idsOf(sent))
  expect(statements.map(({ length }) => length)).toEqual([256, 256, 256, 256, 256, 20])
})

test('a message that is refused fails alone, and the others keep their order', async () => {
  const refusal = new Error('no')
  const { kept, publisher } = database((batch) => {
    if (idsOf(batch).includes('2')) throw refusal
  })
  const outcomes = await Promise.allSettled(messages(5).map((each) => publisher.publish(each, 1000)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(outcomes[2]).toMatchObject({ reason: refusal })
  expect(idsOf(kept)).toEqual(['0', '1', '3', '4'])
})

test('trouble that begins among the single ones holds back all that are behind', async () => {
  let away = false
  const { kept, publisher } = database((batch, statement) => {
    if (idsOf(batch).includes('1')) throw new Error('no')
    if (away && statement < 5) throw new Transient('away')
    away = batch.length === 1
  })
  const outcomes = await Promise.allSettled(messages(5).map((each) => publisher.publish(each, 2000)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
  expect(idsOf(kept)).toEqual(['0', '2', '3', '4'])
})

test('with no answer at all a message fails at its deadline, and what is late is never sent', async () => {
  let answer: () => void = () => undefined
  const frozen = new Promise<void>((resolve) => {
    answer = resolve
  })
  const { statements, publisher } = database((_, statement) => (statement === 1 ? frozen : undefined))
  const [first, second] = [publisher.publish(message(1), 60), Promise.resolve().then(() => publisher.publish(message(2), 60))]
  await expect(first).rejects.toBeInstanceOf(Transient)
  await expect(second).rejects.toBeInstanceOf(Transient)
  answer()
  await publisher.publish(message(3), 1000)
  expect(statements.flatMap(idsOf)).toEqual(expect.arrayContaining(['1', '3']))
  expect(statements.slice(1).flatMap(idsOf)).toEqual(['3'])
})

test('a message over the limit is refused before anything is sent', async () => {
  const { statements, publisher } = database()
  const refused = publisher.publish({ ...message(1), data: 'ä'.repeat(32_769) }, 1000)
  await expect(refused).rejects.toMatchObject({ code: 'bus.message_too_large' })
  await expect(refused).rejects.toBeInstanceOf(Terminal)
  expect(statements).toEqual([])
})
