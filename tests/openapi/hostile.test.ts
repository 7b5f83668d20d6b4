// Bad input on every operation that the document lists: 4xx in the one error shape with a code that the operation names; never 5xx,
// never a hang (identity page §13.6, quality page §2).
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenApi } from '@loomworks/service-kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWhole, type Whole } from '../whole.ts'
import { addressOf, GOOD, type Listed, leavesOf, operationsOf, replaced } from './operations.ts'

const JSON_TYPE = 'application/json'
const BODY_BYTES = 1_048_576
const AT_ONCE = 8

let whole: Whole
let operations: readonly Listed[]
let bearer: { readonly authorization: string }

beforeAll(async () => {
  whole = await startWhole()
  bearer = { authorization: `Bearer ${(await whole.admin()).token}` }
  operations = operationsOf((await (await fetch(new URL('/openapi.json', whole.url))).json()) as OpenApi)
})
afterAll(() => whole[Symbol.asyncDispose]())

interface Sent {
  readonly operation: Listed
  readonly fault: string
  readonly target?: string
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream
  readonly type?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

interface Answer {
  readonly status: number
  readonly code: string | undefined
  /** An answer in the shape, and with a code, that the operation promises. */
  readonly asPromised: boolean
}

async function send({ operation, target = addressOf(operation), body, type, headers = {} }: Sent): Promise<Answer> {
  const answer = await fetch(`${whole.url}${target}`, {
    method: operation.method,
    headers: {
      ...(operation.isAnonymous ? {} : bearer),
      ...(operation.takesKey && { 'idempotency-key': randomUUID() }),
      ...headers,
      ...(type !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body }),
    ...(body instanceof ReadableStream && { duplex: 'half' }),
    signal: AbortSignal.timeout(10_000),
  } as RequestInit)
  const text = await answer.text()
  if (answer.status < 400) return { status: answer.status, code: undefined, asPromised: operation.statuses.has(answer.status) }
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') === true
  const { code, request_id, status } = isProblem ? JSON.parse(text) : {}
  return { status: answer.status, code, asPromised: operation.codes.has(code) && status === answer.status && typeof request_id === 'string' }
}

/** What was sent is told with what came back, so that a failure says which input it was. */
async function expectAll(sent: readonly Sent[], allowed: (answer: Answer) => boolean): Promise<void> {
  expect(sent.length).toBeGreaterThan(0)
  for (let at = 0; at < sent.length; at += AT_ONCE) {
    const some = sent.slice(at, at + AT_ONCE)
    const answers = await Promise.all(some.map(send))
    const wrong = answers.flatMap((answer, index) => {
      const { operation, fault, target } = some[index] ?? {}
      return allowed(answer) ? [] : [{ operation: operation?.id, fault, target, ...answer }]
    })
    expect(wrong).toEqual([])
  }
}

const refusedWith = (code: string) => (answer: Answer) => answer.code === code && answer.asPromised
const refused = ({ status, asPromised }: Answer) => status >= 400 && status < 500 && asPromised
const notBroken = ({ status, asPromised }: Answer) => status < 500 && asPromised

const withBody = () => operations.filter(({ takesBody }) => takesBody)
const goodBody = ({ id }: Listed) => GOOD[id]?.() ?? {}

/** The good body as text, with something more inside its braces. */
function spliced(operation: Listed, more: string): string {
  const text = JSON.stringify(goodBody(operation))
  return text === '{}' ? `{${more}}` : `${text.slice(0, -1)},${more}}`
}

describe('a body that nothing takes:', () => {
  test.each([
    ['a key that nobody knows', '"surprise": 1', 'invalid_body'],
    ['a role for oneself', '"roles": ["admin"], "person_id": "x", "account_status": "active"', 'invalid_body'],
    ['__proto__', '"__proto__": {"admin": true}', 'malformed_request'],
    ['__proto__ further inside', '"surprise": {"deeper": [{"__proto__": {"admin": true}}]}', 'malformed_request'],
    ['constructor.prototype', '"constructor": {"prototype": {"admin": true}}', 'invalid_body'],
    ['depth 100', `"surprise": ${'['.repeat(100)}${']'.repeat(100)}`, 'invalid_body'],
    ['depth 100,000', `"surprise": ${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'invalid_body'],
    ['1e400', '"surprise": 1e400', 'invalid_body'],
    ['a lone surrogate', '"surprise": "\\ud800"', 'invalid_body'],
    ['a lone surrogate as a key', '"\\udfff": 1', 'invalid_body'],
  ])('%s', async (fault, more, code) => {
    await expectAll(
      withBody().map((operation) => ({ operation, fault, body: spliced(operation, more), type: JSON_TYPE })),
      refusedWith(code),
    )
  })

  test.each([
    ['nothing at all', ''],
    ['half of it', '{"email": "a'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"text"'],
    ['a number', '1'],
    ['two values', '{} {}'],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', new Uint8Array(Buffer.from('{}', 'utf16le'))],
  ])('%s', async (fault, body) => {
    await expectAll(
      withBody().map((operation) => ({ operation, fault, body, type: JSON_TYPE })),
      refused,
    )
  })

  test.each([['text/plain'], ['application/x-www-form-urlencoded'], ['multipart/form-data; boundary=x'], ['application/xml'], [undefined]])(
    'of type %s',
    async (type) => {
      const body = (operation: Listed) => new Uint8Array(Buffer.from(JSON.stringify(goodBody(operation))))
      await expectAll(
        withBody().map((operation) => ({ operation, fault: String(type), body: body(operation), type })),
        refusedWith('media_type'),
      )
    },
  )

  test('larger than a mebibyte, its length said or not', async () => {
    const large = (operation: Listed) => spliced(operation, `"surprise": "${'x'.repeat(BODY_BYTES)}"`)
    const inPieces = (operation: Listed) => new Blob([large(operation)]).stream()
    await expectAll(
      withBody().map((operation) => ({ operation, fault: 'large', body: large(operation), type: JSON_TYPE })),
      refusedWith('body_too_large'),
    )
    await expectAll(
      withBody().map((operation) => ({ operation, fault: 'large, chunked', body: inPieces(operation), type: JSON_TYPE })),
      refusedWith('body_too_large'),
    )
  })
})

const STRANGE: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  2 ** 53,
  '',
  ' ',
  'a\u0000b',
  '\u202e',
  '💥'.repeat(300),
  'x'.repeat(100_000),
  [],
  {},
  [[]],
  '__proto__',
]

test('any value of a good body replaced by a strange one: refused, or taken, never broken', { timeout: 60_000 }, async () => {
  const sent = withBody().flatMap((operation) => {
    const good = goodBody(operation)
    return leavesOf(good).flatMap((path) =>
      STRANGE.map((value) => ({
        operation,
        fault: `${path.join('.')} = ${JSON.stringify(value).slice(0, 40)}`,
        body: JSON.stringify(replaced(good, path, value)),
        type: JSON_TYPE,
      })),
    )
  })
  expect(sent.length).toBeGreaterThan(300)
  await expectAll(sent, notBroken)
})

const IN_PATH = [
  '%00',
  '%ff',
  '%ED%A0%80',
  '%F0%9F%92%A5',
  '%25',
  "'",
  '-1',
  'null',
  '__proto__',
  'constructor',
  'E0',
  'E99999999999999999999',
  'x'.repeat(4000),
  '*',
  'me%20',
]

test('strange values in a path: refused, never broken', async () => {
  const sent = operations.flatMap((operation) =>
    operation.inPath.flatMap((name) =>
      IN_PATH.filter((value) => !isGood(name, value)).map((value) => {
        const body = operation.takesBody ? { body: JSON.stringify(goodBody(operation)), type: JSON_TYPE } : {}
        return { operation, fault: `${name}=${value.slice(0, 40)}`, target: addressOf(operation, { [name]: value }), ...body }
      }),
    ),
  )
  // What cannot be part of a path at all is no address.
  await expectAll(sent, (answer) => refused(answer) || answer.code === 'route_not_found')
})

/** A secret may be called by any plain word. */
function isGood(name: string, value: string): boolean {
  return name === 'name' && ['null', 'constructor'].includes(value)
}

const IN_QUERY = ['', '0', '-1', '101', '1e400', 'NaN', 'abc', '%00', '%ff', '%ED%A0%80', "'", 'x'.repeat(4000), '%7B%22at%22%3A1%7D', 'bnVsbA', 'e30']

test('strange values in a query: refused, or taken, never broken', async () => {
  const sent = operations
    .filter(({ inQuery }) => inQuery.length > 0)
    .flatMap((operation) => {
      const values = operation.inQuery.flatMap((name) => IN_QUERY.map((value) => `${name}=${value}`))
      const twice = operation.inQuery.map((name) => `${name}=1&${name}=2`)
      return [...values, ...twice].map((query) => ({ operation, fault: query.slice(0, 60), target: `${addressOf(operation)}?${query}` }))
    })
  await expectAll(sent, notBroken)
})

test('a query parameter that nobody knows is refused where there are parameters', async () => {
  const sent = operations
    .filter(({ inQuery }) => inQuery.length > 0)
    .map((operation) => ({ operation, fault: 'surprise', target: `${addressOf(operation)}?surprise=1` }))
  // A filter of the activity that nobody knows has a code of its own (audit page).
  const [ofActivity, others] = [sent.filter(({ operation }) => operation.id === 'myActivity'), sent.filter(({ operation }) => operation.id !== 'myActivity')]
  await expectAll(ofActivity, refusedWith('activity.filter_invalid'))
  await expectAll(others, refusedWith('invalid_body'))
})

test('an idempotency key that is none', async () => {
  const sent = operations
    .filter(({ takesKey }) => takesKey)
    .flatMap((operation) =>
      ['x'.repeat(256), 'two words', '"open', '""'].map((key) => ({
        operation,
        fault: key.slice(0, 20),
        body: JSON.stringify(goodBody(operation)),
        type: JSON_TYPE,
        headers: { 'idempotency-key': key },
      })),
    )
  await expectAll(sent, refusedWith('idempotency.key_invalid'))
})

test('after all this the invariants hold and the logs tell of no error', async () => {
  await whole.holds()
  const { logs } = whole.instance.home
  const lines = readdirSync(logs).flatMap((file) => readFileSync(join(logs, file), 'utf8').split('\n'))
  expect(lines.length).toBeGreaterThan(1)
  expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([])
})
