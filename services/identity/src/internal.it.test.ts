// What identity answers other services alone: each of these operations, by who asks and with what.
import { ServiceName } from '@loomworks/kernel'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from './identity-bench.ts'
import { identity } from './service.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())

const operations = (identity.operations ?? []).flatMap(({ id, path, method, internal, body, query }) => {
  if (internal === undefined || (method !== 'GET' && method !== 'POST')) return []
  const { auth, callers = ServiceName.options } = internal
  return [{ id, path, method, bySecret: auth === 'service_secret', callers: callers as readonly ServiceName[], isShaped: (body ?? query) !== undefined }]
})
type Internal = (typeof operations)[number]

const strangersOf = ({ callers }: Internal) => ServiceName.options.filter((name) => !callers.includes(name))
const ask = ({ method, path, bySecret }: Internal, from: ServiceName) =>
  bench.internal(from, method, method === 'GET' ? `${path}?nonsense=1` : path, method === 'GET' ? undefined : { nonsense: true }, bySecret)

describe('an operation for services', () => {
  test('there are some', () => expect(operations.length).toBeGreaterThan(10))

  test.each(operations)('$id is for nobody without a token or secret', async ({ method, path, bySecret }) => {
    const shown = [undefined, 'Bearer nonsense', bySecret ? 'Service gateway:guessed' : undefined]
    for (const authorization of shown)
      expect(await bench.service.app?.inject({ method, url: path, headers: authorization === undefined ? {} : { authorization } })).toMatchObject({
        statusCode: 401,
        body: expect.stringContaining('"internal_token_invalid"'),
      })
  })

  test.each(operations.filter((each) => strangersOf(each).length > 0))('$id is for $callers and no other service', async (operation) => {
    for (const from of strangersOf(operation)) expect(await ask(operation, from)).toMatchObject({ status: 403, body: { code: 'auth.actor_refused' } })
  })

  test.each(operations.filter(({ isShaped }) => isShaped))('$id takes what has its shape alone', async (operation) => {
    for (const from of operation.callers) expect(await ask(operation, from)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })
})
