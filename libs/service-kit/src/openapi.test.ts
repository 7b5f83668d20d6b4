import { refusals } from '@loomworks/kernel'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openApiOf } from './openapi.ts'
import { type Authz, operation } from './operation.ts'

const authz: Authz = { actors: ['person'], scope: 'memory.write', object: 'engagement', relation: 'member', hide: true, stepUp: 'any' }
const refuse = refusals('memory', {
  wrong_state: { status: 409, says: 'Not in that state.', remedy: 'Read it again.' },
  exists: { status: 409, says: 'It exists.', remedy: 'Use it.' },
})

const commit = operation({
  post: '/engagements/:engagement/memory/:object/commit',
  id: 'commitMemory',
  summary: 'Commit',
  authz,
  limits: { idempotency: 'optional' },
  params: z.object({ engagement: z.string(), object: z.guid() }),
  query: z.object({ dry: z.stringbool().optional() }),
  body: z.strictObject({ expected_version: z.int().min(1) }),
  reply: z.object({ id: z.string() }),
  status: 201,
  refuses: [refuse.wrong_state, refuse.exists],
  answer: async () => ({ id: '' }),
})
const at = (path: string, over: object = {}) =>
  operation({
    get: path,
    id: path,
    summary: '',
    authz: { ...authz, stepUp: undefined } as unknown as Authz,
    reply: z.undefined(),
    status: 204,
    refuses: [],
    answer: async () => undefined,
    ...over,
  })

test('an operation is described whole: its place, owner, rights, limits, parameters, body, answers and codes', () => {
  const { openapi, paths, components } = openApiOf([{ name: 'memory', operations: [commit] }], '1.2.3')
  expect(openapi).toBe('3.1.0')
  const described = paths['/engagements/{engagement}/memory/{object}/commit']?.post
  expect(described).toMatchObject({
    operationId: 'commitMemory',
    'x-owner': 'memory',
    'x-authz': authz,
    'x-limits': { idempotency: 'optional' },
    parameters: [
      { name: 'engagement', in: 'path', required: true },
      { name: 'object', in: 'path', required: true },
      { name: 'dry', in: 'query', required: false },
    ],
    requestBody: { content: { 'application/json': { schema: { additionalProperties: false, required: ['expected_version'] } } } },
  })
  expect(described?.responses).toMatchObject({
    201: { content: { 'application/json': { schema: { properties: { id: { type: 'string' } } } } } },
    400: { 'x-codes': expect.arrayContaining(['malformed_request', 'idempotency.key_invalid']) },
    401: { 'x-codes': ['unauthenticated', 'token_refused', 'session_expired'] },
    403: { 'x-codes': expect.arrayContaining(['auth.scope_missing', 'step_up_required', 'account_suspended']) },
    409: {
      'x-codes': ['memory.wrong_state', 'memory.exists', 'idempotency.in_flight'],
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
    422: { 'x-codes': ['invalid_body', 'idempotency.key_reused'] },
  })
  expect(components.schemas.Problem).toMatchObject({ required: expect.arrayContaining(['code', 'request_id']) })
})

test('what only services call is in no document', () => {
  const hidden = operation({
    post: '/internal/x',
    id: 'x',
    summary: '',
    internal: { auth: 'token' },
    reply: z.object({}),
    refuses: [],
    answer: async () => ({}),
  })
  expect(openApiOf([{ name: 'memory', operations: [hidden] }], '1').paths).toEqual({})
})

test('paths stand in one order, whatever order they were given in', () => {
  const operations = [at('/jobs/b'), at('/engagements'), at('/jobs/a')]
  const there = openApiOf([{ name: 'memory', operations }], '1')
  expect(Object.keys(there.paths)).toEqual(['/engagements', '/jobs/a', '/jobs/b'])
  expect(JSON.stringify(openApiOf([{ name: 'memory', operations: operations.toReversed() }], '1'))).toBe(JSON.stringify(there))
})

describe('is refused:', () => {
  test('an operation of which nobody says who may call it', () => {
    expect(() => openApiOf([{ name: 'memory', operations: [at('/engagements', { authz: undefined })] }], '1')).toThrow(/neither authz nor internal/)
  })

  test('an id that two have, also in two services', () => {
    const [memory, credit] = [at('/engagements', { id: 'same' }), at('/me/credit', { id: 'same' })]
    expect(() =>
      openApiOf(
        [
          { name: 'memory', operations: [memory] },
          { name: 'credit', operations: [credit] },
        ],
        '1',
      ),
    ).toThrow(/operation id same is taken/)
  })

  test.each([
    ['memory', '/me'],
    ['memory', '/engagements/:engagement/members'],
    ['identity', '/engagements/:engagement/memory'],
    ['identity', '/me/credit'],
    ['identity', '/me/activity'],
    ['credit', '/claim'],
    ['credit', '/claim/grants'],
    ['companion', '/operator'],
    ['audit', '/activityfeed'],
    ['memory', '/internal/x'],
    ['gateway', '/livez'],
    ['memory', '/anything'],
  ] as const)('%s, offering %s', (name, path) => {
    expect(() => openApiOf([{ name, operations: [at(path)] }], '1')).toThrow(/belongs to/)
  })
})

test.each([
  ['identity', '/me'],
  ['identity', '/auth/logout'],
  ['identity', '/me/companion-name'],
  ['identity', '/engagements/:engagement/invitations/:id'],
  ['identity', '/admin/sagas/:id'],
  ['memory', '/engagements'],
  ['memory', '/me/dashboard/active'],
  ['companion', '/me/approvals/:id'],
  ['companion', '/operator/converse'],
  ['credit', '/claim/grant'],
  ['credit', '/me/credit'],
  ['credit', '/admin/grants'],
  ['audit', '/me/activity'],
  ['audit', '/tile/:level/:index'],
] as const)('%s may offer %s', (name, path) => {
  expect(Object.keys(openApiOf([{ name, operations: [at(path)] }], '1').paths)).toHaveLength(1)
})
