// The document is what there is: every operation it lists answers, and answers what it says; nothing else is an address.
import { type OpenApi, type Operation, shared } from '@loomworks/service-kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SERVICES } from '../../dev/services.ts'
import { startWhole, type Whole } from '../whole.ts'
import { addressOf, GOOD, type Listed, operationsOf } from './operations.ts'

let whole: Whole
let operations: readonly Listed[]
let bearer: { readonly authorization: string }
/** Of somebody whose session nothing else needs. */
let other: { readonly authorization: string }

beforeAll(async () => {
  whole = await startWhole()
  bearer = { authorization: `Bearer ${(await whole.admin()).token}` }
  const newcomer = whole.newcomer()
  await newcomer.signUp()
  other = { authorization: `Bearer ${newcomer.client.token}` }
  const document = (await (await fetch(new URL('/openapi.json', whole.url))).json()) as OpenApi
  operations = operationsOf(document)
})
afterAll(() => whole[Symbol.asyncDispose]())

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly allow: string | null
}

/** The target is sent as it stands: `fetch` tidies only what is a URL of its own. */
async function ask(method: string, target: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const answer = await fetch(`${whole.url}${target}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') === true
  return { status: answer.status, code: isProblem ? JSON.parse(text).code : undefined, allow: answer.headers.get('allow') }
}

test('every operation with a body has a good one here', () => {
  expect(operations.length).toBeGreaterThan(25)
  expect(
    operations
      .filter(({ takesBody }) => takesBody)
      .map((each) => each.id)
      .sort(),
  ).toEqual(Object.keys(GOOD).sort())
})

test('every operation answers a plain request with a status and a code that it lists', async () => {
  for (const operation of operations) {
    const { id, method, isAnonymous, statuses, codes } = operation
    const answer = await ask(method, addressOf(operation), GOOD[id]?.(), isAnonymous ? {} : id === 'revokeAllSessions' ? other : bearer)
    expect({ id, ...answer, listed: statuses.has(answer.status) && (answer.code === undefined || codes.has(answer.code)) }).toMatchObject({ listed: true })
    expect([404, 405].includes(answer.status) && ['route_not_found', 'method_not_allowed'].includes(answer.code ?? '')).toBe(false)
    expect(answer.status).toBeLessThan(500)
  }
})

test('every operation that is not for everybody refuses a caller without a session, before it looks at anything', async () => {
  for (const operation of operations.filter(({ isAnonymous }) => !isAnonymous)) {
    expect({ id: operation.id, ...(await ask(operation.method, addressOf(operation))) }).toMatchObject({ status: 401, code: 'unauthenticated' })
  }
})

test('every code that an operation lists is in the catalogue of its owner, or shared by all', () => {
  const sharedCodes = Object.values(shared).map(({ code }) => code as string)
  const catalogues = new Map(SERVICES.map(({ name, refusals }) => [String(name), refusals.flatMap((each) => Object.values(each).map(({ code }) => code))]))
  for (const { id, owner, codes } of operations) {
    const known = new Set([...sharedCodes, ...(catalogues.get(owner) ?? [])])
    expect({ id, unknown: [...codes].filter((code) => !known.has(code)) }).toEqual({ id, unknown: [] })
  }
})

test('every code in the catalogue of a service is one that some operation of it may answer', () => {
  // A transaction that has another's id is a bug of who books it, and reaches nobody.
  const within = ['ledger.id_reused']
  for (const { name, refusals, operations: own } of SERVICES) {
    const answered = new Set<string>([...(own as readonly Operation[]).flatMap(({ refuses }) => refuses.map(({ code }) => code)), ...within])
    const catalogue = refusals.flatMap((each) => Object.values(each).map(({ code }) => code))
    expect({ name, unused: catalogue.filter((code) => !answered.has(code)) }).toEqual({ name, unused: [] })
  }
})

test('another spelling of a path is another path: 404', async () => {
  for (const operation of operations) {
    const plain = addressOf(operation)
    const spellings = [
      `${plain}/`,
      `/${plain}`,
      plain.replace(/[a-z]/, (letter) => letter.toUpperCase()),
      `${plain}//`,
      `/v1${plain}`,
      plain.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    ]
    for (const target of spellings)
      expect({ target, ...(await ask(operation.method, target, undefined, bearer)) }).toMatchObject({ status: 404, code: 'route_not_found' })
  }
})

test('another method of a path is 405 with those there are', async () => {
  for (const path of new Set(operations.map((each) => each.path))) {
    const there = operations.filter((each) => each.path === path)
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((each) => !there.some((one) => one.method === each))) {
      const [first] = there
      const answer = first && (await ask(method, addressOf(first), undefined, bearer))
      expect({ path, method, ...answer }).toMatchObject({ status: 405, code: 'method_not_allowed' })
      expect(answer?.allow?.split(', ').sort()).toEqual(there.map((each) => each.method).sort())
    }
  }
})

test('what services ask each other is no address for anybody else', async () => {
  const internal = SERVICES.flatMap(
    (service) => service.operations as readonly { readonly internal?: unknown; readonly method: string; readonly path: string }[],
  ).filter((each) => each.internal !== undefined)
  expect(internal.length).toBeGreaterThan(5)
  for (const { method, path } of [...internal, { method: 'GET', path: '/metrics' }])
    expect({ path, ...(await ask(method, path.replace(/:id$/, '1'), undefined, bearer)) }).toMatchObject({ status: 404, code: 'route_not_found' })
})
