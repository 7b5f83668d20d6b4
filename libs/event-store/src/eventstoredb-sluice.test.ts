import { expect, test } from 'vitest'
import { Sluice } from './eventstoredb-sluice.ts'

/** A client that is handed something writes it before the next turn of the loop, and sends so many in each. */
class Client {
  stream: { writableLength: number } | undefined
  readonly order: number[] = []
  most = 0
  readonly #sluice = new Sluice(() => this.stream)

  async append(n: number): Promise<void> {
    await this.#sluice.pass()
    this.order.push(n)
    await Promise.resolve()
    if (this.stream === undefined) this.most = Math.max(this.most, this.order.length)
    else this.most = Math.max(this.most, ++this.stream.writableLength)
  }

  send(count: number): void {
    if (this.stream !== undefined) this.stream.writableLength = Math.max(0, this.stream.writableLength - count)
  }

  answer(count: number): void {
    for (let n = 0; n < count; n++) this.#sluice.answered()
  }
}

test('never are so many unsent that the client holds back, however many come; and all pass in order', async () => {
  const client = new Client()
  client.stream = { writableLength: 0 }
  const passing = Array.from({ length: 500 }, (_, n) => client.append(n))
  while (client.order.length < 500) {
    await nextTurn()
    client.send(4)
  }
  await Promise.all(passing)
  expect(client.most).toBeLessThanOrEqual(15)
  expect(client.order).toEqual(Array.from({ length: 500 }, (_, n) => n))
})

test('what is sent makes room, though nothing is answered', async () => {
  const client = new Client()
  client.stream = { writableLength: 0 }
  for (let n = 0; n < 100; n++) {
    await client.append(n)
    client.send(1)
  }
  expect(client.order).toHaveLength(100)
})

test('before there is a stream, no more pass than may be unsent at once', async () => {
  const client = new Client()
  const passing = Array.from({ length: 40 }, (_, n) => client.append(n))
  for (let turn = 0; turn < 5; turn++) await nextTurn()
  expect(client.order).toHaveLength(15)
  client.stream = { writableLength: 0 }
  client.answer(15)
  while (client.order.length < 40) {
    await nextTurn()
    client.send(15)
  }
  await Promise.all(passing)
  expect(client.most).toBeLessThanOrEqual(15)
})

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
