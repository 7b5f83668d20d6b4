import { expect, test } from 'vitest'
import { type Following, followed } from './follow.ts'
import { Refused } from './refused.ts'

/** One connection of a server that plays its part: what it sends, and whether it ends or breaks. */
interface Connection {
  readonly sends: readonly string[]
  readonly breaks?: true
  readonly stays?: true
  /** In place of all this. */
  readonly refuses?: Refused
}

function playing(connections: readonly Connection[]) {
  const askedAfter: (string | undefined)[] = []
  const open = async (lastEventId: string | undefined, signal: AbortSignal): Promise<Response> => {
    const connection = connections[askedAfter.length]
    askedAfter.push(lastEventId)
    if (connection?.refuses !== undefined) throw connection.refuses
    if (connection === undefined) throw new Refused(404, { code: 'not_found' }, undefined)
    return new Response(bodyOf(connection, signal))
  }
  return { askedAfter, open }
}

function bodyOf({ sends, breaks, stays }: Connection, signal: AbortSignal): ReadableStream<Uint8Array> {
  const left = [...sends]
  return new ReadableStream({
    async pull(to) {
      const next = left.shift()
      if (next !== undefined) return to.enqueue(new TextEncoder().encode(next))
      if (stays) await new Promise((done) => signal.addEventListener('abort', done))
      if (breaks || stays) to.error(new TypeError('terminated'))
      else to.close()
    },
  })
}

const event = (id: string, data: unknown = {}) => `id: ${id}\nevent: progress\ndata: ${JSON.stringify(data)}\n\n`

async function idsOf(open: Parameters<typeof followed>[0], how: Following = {}): Promise<readonly string[]> {
  const ids: string[] = []
  for await (const { id } of followed(open, how)) ids.push(id)
  return ids
}

test('events come in order with what they say, however they are cut', async () => {
  const { open } = playing([
    { sends: [':\n\nid: 1\nev', 'ent: progress\r\ndata: {"n":', '1}\r', '\n\r\n', 'event: progress\ndata: {"n":\ndata: 2}\nid: 2\n\n'] },
    { sends: [] },
  ])
  const heard = []
  for await (const each of followed(open, {})) heard.push(each)
  expect(heard).toEqual([
    { id: '1', event: 'progress', data: { n: 1 } },
    { id: '2', event: 'progress', data: { n: 2 } },
  ])
})

test('a connection that breaks is made anew behind the last event, and no event comes twice', async () => {
  const { open, askedAfter } = playing([{ sends: [event('1'), event('2')], breaks: true }, { sends: [event('2'), event('3')] }, { sends: [event('3')] }])
  const states: string[] = []
  expect(await idsOf(open, { onState: (state) => states.push(state) })).toEqual(['1', '2', '3'])
  expect(askedAfter).toEqual([undefined, '2', '3'])
  expect(states).toEqual(['live', 'reconnecting', 'live', 'reconnecting', 'live'])
})

test('a stream that ends, and has nothing new when it is opened again, is over', async () => {
  const { open, askedAfter } = playing([{ sends: [event('7')] }, { sends: [event('7')] }])
  expect(await idsOf(open)).toEqual(['7'])
  expect(askedAfter).toHaveLength(2)
})

test('a server that asks to be come back to is come back to, as late as it says', async () => {
  const { open, askedAfter } = playing([{ sends: [event('1')] }, { sends: ['retry: 30\n\n'] }, { sends: [event('2')] }, { sends: [] }])
  expect(await idsOf(open)).toEqual(['1', '2'])
  expect(askedAfter).toEqual([undefined, '1', '1', '2'])
})

test.each([
  [429, 'too_many_streams'],
  [503, 'draining'],
])('one that is resumed waits as long as a %i asks it to, and is not over by that', async (status, code) => {
  const refuses = new Refused(status, { code }, 0.2)
  const { open, askedAfter } = playing([{ sends: [event('1')] }, { sends: [], refuses }, { sends: [event('2')] }, { sends: [] }])
  const began = performance.now()
  expect(await idsOf(open)).toEqual(['1', '2'])
  expect(performance.now() - began).toBeGreaterThan(190)
  expect(performance.now() - began).toBeLessThan(900)
  expect(askedAfter).toEqual([undefined, '1', '1', '2'])
})

test('a line may hold what only Unicode calls the end of one', async () => {
  const { open } = playing([{ sends: [event('1', { text: 'a\u2028b\u2029c' })] }, { sends: [] }])
  const heard = []
  for await (const { data } of followed(open, {})) heard.push(data)
  expect(heard).toEqual([{ text: 'a\u2028b\u2029c' }])
})

test.each([
  ['and the end of one was put behind it', '\n\n'],
  ['and nothing came behind it', ''],
])('an event that was cut off, %s, is heard from the next connection', async (_how, end) => {
  const cut = `id: 2\nevent: progress\ndata: {"n":${end}`
  const { open, askedAfter } = playing([{ sends: [event('1')] }, { sends: [cut] }, { sends: [event('2')] }, { sends: [] }])
  expect(await idsOf(open)).toEqual(['1', '2'])
  expect(askedAfter).toEqual([undefined, '1', '1', '2'])
})

test('an event that cannot be read, with others behind it, is an error', async () => {
  const { open } = playing([{ sends: ['id: 1\ndata: {"n":\n\n', event('2')] }])
  await expect(idsOf(open)).rejects.toThrow(SyntaxError)
})

test('a stream may begin behind an event that was seen before', async () => {
  const { open, askedAfter } = playing([{ sends: [event('5')] }, { sends: [] }])
  expect(await idsOf(open, { lastEventId: '4' })).toEqual(['5'])
  expect(askedAfter[0]).toBe('4')
})

test('a refusal is thrown', async () => {
  const { open } = playing([])
  await expect(idsOf(open)).rejects.toMatchObject({ code: 'not_found', status: 404 })
})

test('a refusal after the stream was resumed is thrown too', async () => {
  const { open } = playing([{ sends: [event('1')], breaks: true }])
  await expect(idsOf(open)).rejects.toMatchObject({ code: 'not_found' })
})

test('it ends quietly when its signal aborts', async () => {
  const { open } = playing([{ sends: [event('1')], stays: true }])
  const leaving = new AbortController()
  const ids: string[] = []
  for await (const { id } of followed(open, { signal: leaving.signal })) {
    ids.push(id)
    leaving.abort()
  }
  expect(ids).toEqual(['1'])
})

test('leaving the loop closes the connection', async () => {
  const { open, askedAfter } = playing([{ sends: [event('1')], stays: true }])
  for await (const { id } of followed(open, {})) {
    expect(id).toBe('1')
    break
  }
  expect(askedAfter).toHaveLength(1)
})
