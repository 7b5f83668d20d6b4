// The tool on sagas that went well, that were undone, and that are stuck: who, what, when and why, and nobody named.
import { derivedId, newId } from '@loomworks/kernel'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type IdentityBench, identityBench } from '../identity-bench.ts'
import { type SignedUp, signedUp, verified, withFactors } from '../signing-up.ts'
import { withoutDefinition } from './gone-definition.ts'

let bench: IdentityBench
let ada: SignedUp
let done: string
let undone: string
const TOKEN = 'a claim token that nobody may see'
const WHY = 'reason=ticket+12'

beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
  ada = await signedUp(bench, { email: 'ada@example.org' })
  bench.steps.set('reserve/do', () => ({ outcome: 'failed', code: 'claim.expired' }))
  await verified(bench, await withFactors(bench, { email: 'bo@example.org' }), { claim_token: TOKEN })
  done = await listed('completed')
  undone = await listed('aborted')
})
afterAll(() => bench[Symbol.asyncDispose]())

const asOperator = (url: string) => bench.ask('GET', url, { session: bench.operatorToken })
/** The only saga in this state, once the list knows of it. */
const listed = (state: string): Promise<string> =>
  eventually(async () => {
    const { body } = await asOperator(`/admin/sagas?state=${state}`)
    expect(body.items).toHaveLength(1)
    return body.items[0].id
  })
const idsOf = ({ body }: { body: { items: readonly { id: string }[] } }) => body.items.map(({ id }) => id)

describe('the list', () => {
  test.each([
    ['state=aborted', () => [undone]],
    ['step=reserve', () => [undone]],
    ['step=induct', () => []],
    ['error_class=claim.expired', () => [undone]],
    ['open=true', () => []],
    ['stalled=true', () => []],
    ['retrying=true', () => []],
    ['older_ms=3600000', () => []],
    ['older_ms=0', () => [undone, done]],
    ['slower_ms=3600000', () => []],
    ['slower_ms=0&state=completed', () => [done]],
    ['sort=due', () => []],
  ])('with %s', async (query, expected) => {
    expect(idsOf(await asOperator(`/admin/sagas?${query}`))).toEqual(expected())
  })

  test('by time taken goes on where the page before ended, slowest first', async () => {
    const all = await asOperator('/admin/sagas?sort=duration')
    expect(all.body.items.map(({ duration_ms }: { duration_ms: number }) => duration_ms)).toEqual(
      [...all.body.items.map(({ duration_ms }: { duration_ms: number }) => duration_ms)].sort((a, b) => b - a),
    )
    const first = await asOperator('/admin/sagas?sort=duration&limit=1')
    const second = await asOperator(`/admin/sagas?sort=duration&limit=1&cursor=${first.body.next_cursor}`)
    expect([...idsOf(first), ...idsOf(second)]).toEqual(idsOf(all))
  })

  test.each([
    'stalled=false',
    'sort=name',
    'cursor=x',
    `sort=duration&cursor=2030-01-02T03:04:05.678Z~${newId()}`,
    `cursor=2030-99-02T03:04:05.678Z~${newId()}`,
  ])('takes no %s', async (query) => {
    expect(await asOperator(`/admin/sagas?${query}`)).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
  })
})

test('figures say how many began, how they ended and why, and how long their steps took', async () => {
  const { body } = await asOperator('/admin/sagas/stats?window=60000')
  expect(body).toMatchObject({
    window_ms: 60_000,
    started: 2,
    outcomes: { completed: 1, aborted: 1 },
    codes: { 'claim.expired': 1 },
    open: 0,
    stalled: 0,
    oldest: null,
  })
  expect(body.steps.map(({ step, count }: { step: string; count: number }) => [step, count])).toEqual([
    ['activate', 1],
    ['commonsJoin', 1],
    ['createPending', 1],
    ['induct', 1],
    ['reserve', 1],
  ])
  expect(body.steps[0].p99_ms).toBeGreaterThanOrEqual(body.steps[0].p50_ms)
})

describe('one saga', () => {
  test('shows its graph, the pivot line, and what became of each step where it could be asked', async () => {
    const { status, body } = await asOperator(`/admin/sagas/${done}`)
    expect(status).toBe(200)
    expect(body.graph.map(({ step, at, side, remaining }: Record<string, unknown>) => [step, at, side, remaining])).toEqual([
      ['reserve', 'credit', 'before', false],
      ['createPending', 'identity', 'before', false],
      ['induct', 'memory', 'before', false],
      ['commonsJoin', 'identity', 'before', false],
      ['activate', 'identity', 'pivot', false],
      ['confirm', 'credit', 'after', false],
    ])
    expect(body.board).toContainEqual({ step: 'activate', at: 'identity', state: 'applied', attempts: 1 })
    expect(body.board).toContainEqual({ step: 'induct', at: 'memory', state: 'unknown', attempts: 1 })
    expect(body.participants).toEqual([
      { service: 'credit', reachable: false },
      { service: 'identity', reachable: true },
      { service: 'memory', reachable: false },
    ])
    expect(body.revision).toBeGreaterThan(5)
  })

  test('on three lanes: what was decided, what was delivered, what took effect', async () => {
    const { body } = await asOperator(`/admin/sagas/${done}/timeline`)
    expect(body.decisions.map(({ type }: { type: string }) => type)).toEqual(
      expect.arrayContaining(['SagaRequested', 'StepSent', 'PivotReached', 'SagaCompleted']),
    )
    const [created] = body.deliveries
    expect(created).toMatchObject({
      service: 'identity',
      step: 'createPending',
      dir: 'do',
      attempt: 1,
      never_answered: false,
      answered: { type: 'StepSucceeded' },
    })
    expect(created.deliveries).toMatchObject([{ delivery_no: 1, result: 'ok', error_class: null }])
    expect(Date.parse(created.deliveries[0].corrected_at)).toBeGreaterThanOrEqual(Date.parse(created.sent_at))
    expect(body.effects.map(({ service, step, state }: Record<string, string>) => `${service} ${step} ${state}`).sort()).toEqual([
      'identity activate done',
      'identity commonsJoin done',
      'identity createPending done',
    ])
  })

  test('at any of its events, and what differs between two of them', async () => {
    const before = await asOperator(`/admin/sagas/${done}/state?at=1`)
    expect(before.body).toMatchObject({
      revision: 1,
      event: { type: 'StepSent' },
      state: { state: 'running', steps: { createPending: { state: 'sent', attempt: 1 }, induct: { state: 'idle' } } },
    })
    expect((await asOperator(`/admin/sagas/${done}/state`)).body.state.state).toBe('completed')
    expect(await asOperator(`/admin/sagas/${done}/state?at=999`)).toMatchObject({ status: 422, body: { errors: [{ pointer: '/query/at' }] } })
    const { body } = await asOperator(`/admin/sagas/${done}/diff?a=1&b=2`)
    expect(body.differences).toContainEqual({ path: '/steps/createPending/state', left: 'sent', right: 'done' })
    expect((await asOperator(`/admin/sagas/${done}/diff?a=1&b=1`)).body.differences).toEqual([])
  })

  test('against another one', async () => {
    const { body } = await asOperator(`/admin/sagas/${done}/diff?other=${undone}`)
    expect(body.right.id).toBe(undone)
    expect(body.differences).toContainEqual({ path: '/state', left: 'completed', right: 'aborted' })
  })

  test('is followed event by event until it has ended', async () => {
    const { status, body } = await asOperator(`/admin/sagas/${done}/events`)
    expect(status).toBe(200)
    const types = [...String(body).matchAll(/"type":"(\w+)"/g)].map(([, type]) => type)
    expect(types[0]).toBe('SagaRequested')
    expect(types.at(-1)).toBe('SagaCompleted')
    expect(String((await bench.ask('GET', `/admin/sagas/${done}/events`, { session: bench.operatorToken, headers: { 'last-event-id': '2' } })).body)).toMatch(
      /^id: 3\n/,
    )
  })
})

describe('one whose definition is gone', () => {
  let old: string
  beforeAll(async () => {
    old = await withoutDefinition(bench.platform.eventStore, done)
  })
  const asked = (method: 'GET' | 'POST', path: string, body?: object) =>
    bench.ask(method, `/admin/sagas/${old}${path}`, { session: bench.operatorToken, ...(body && { body }) })

  test.each([
    ['GET', ''],
    ['GET', '/timeline'],
    ['GET', '/events'],
    ['GET', '/state'],
    ['GET', '/diff?a=0&b=0'],
    ['POST', '/replay'],
    ['POST', '/actions', { action: 'retry', reason: 'ticket 12', expected_revision: 0 }],
  ] as const)('%s %s tells that', async (method, path, body?: object) => {
    expect(await asked(method, path, body)).toMatchObject({ status: 410, body: { code: 'saga.version_missing' } })
  })
})

describe('finding', () => {
  test.each([
    ['the saga', () => done, 'saga'],
    ['the registration', () => ada.id, 'id'],
    ['the engagement', () => derivedId(done, 'engagement'), 'id'],
    ['a message', () => `${done}/createPending/do/1`, 'message'],
    ['a reply', () => `${done}/createPending/do/1/r`, 'message'],
    ['a place in the stream', () => `saga-signup-${done}@3`, 'stream'],
    ['the stream of the engagement', () => `engagement-${derivedId(done, 'engagement')}@0`, 'stream'],
  ])('by %s', async (_, text, by) => {
    const { status, body } = await asOperator(`/admin/sagas/search?q=${encodeURIComponent(text())}`)
    expect({ status, by: body.found_by, ids: body.items.map(({ id }: { id: string }) => id) }).toEqual({ status: 200, by, ids: [done] })
  })

  test('by the trace it began in, and by an event of its stream', async () => {
    const { body } = await asOperator(`/admin/sagas/${done}`)
    expect(idsOf(await asOperator(`/admin/sagas/search?q=${body.trace_id}`))).toEqual([done])
    const { event } = (await asOperator(`/admin/sagas/${done}/state?at=2`)).body
    expect((await asOperator(`/admin/sagas/search?q=${event.id}`)).body).toMatchObject({ found_by: 'event', items: [{ id: done }] })
  })

  test('nothing where nothing is meant', async () => {
    expect((await asOperator(`/admin/sagas/search?q=${newId()}`)).body).toEqual({ found_by: null, items: [] })
    expect((await asOperator('/admin/sagas/search?q=ada%40example.org')).body).toEqual({ found_by: null, items: [] })
  })

  test('by a person asks for a reason and leaves a record that says who looked, and why', async () => {
    expect(await asOperator(`/admin/sagas/search?q=${ada.personId}`)).toMatchObject({ status: 422, body: { code: 'saga.reason_required' } })
    expect(await asOperator(`/admin/sagas/search?q=${ada.personId}&reason=for+ada%40example.org`)).toMatchObject({ status: 422 })
    expect((await asOperator(`/admin/sagas/search?q=${ada.personId}&${WHY}`)).body).toMatchObject({ found_by: 'person', items: [{ id: done }] })
    expect(await lookUps()).toMatchObject([
      { actor: { kind: 'service', id: 'operator' }, data: { by: 'person', personId: ada.personId, sagas: 1, reason: 'ticket 12' } },
    ])
  })

  test('by an address, which is in no record; of an aborted signup nor is the person', async () => {
    const ask = (email: string, reason = 'ticket 13') => bench.ask('POST', '/admin/sagas/search', { session: bench.operatorToken, body: { email, reason } })
    expect((await ask('ADA@example.org')).body).toMatchObject({ found_by: 'email', items: [{ id: done }] })
    expect((await ask('bo@example.org')).body).toMatchObject({ items: [{ id: undone }] })
    expect(await ask('ada@example.org', '')).toMatchObject({ status: 422, body: { code: 'saga.reason_required' } })
    expect(await ask('nobody')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    const records = await lookUps()
    expect(records.slice(1)).toMatchObject([{ data: { by: 'email', personId: ada.personId } }, { data: { by: 'email', sagas: 1 } }])
    expect(records[2]?.data).not.toHaveProperty('personId')
    expect(JSON.stringify(records)).not.toContain('example.org')
  })
})

test('no answer of the tool shows the hash of a claim token or of an address', async () => {
  const { body } = await asOperator(`/admin/sagas/${undone}/state?at=0`)
  expect(body.state.input.tokenHash).toMatch(/^•••[0-9a-f]{8}$/)
  const stored: string[] = []
  for await (const event of bench.platform.eventStore.readStream(`saga-signup-${undone}`)) stored.push(JSON.stringify(event.body))
  const secrets = [...new Set([...stored.join().matchAll(/"(?:tokenHash|emailHash|emailNormalizedHash)":"([^"]+)"/g)].map(([, value]) => value ?? ''))]
  expect(secrets.length).toBeGreaterThanOrEqual(2)
  const urls = ['', '/timeline', '/state?at=0', '/state', '/events', `/diff?a=0&b=3`].map((path) => `/admin/sagas/${undone}${path}`)
  for (const url of [...urls, '/admin/sagas', '/admin/sagas/stats', `/admin/sagas/search?q=${undone}`]) {
    const text = JSON.stringify((await asOperator(url)).body)
    for (const secret of [...secrets, TOKEN, 'example.org']) expect({ url, shows: text.includes(secret) }).toEqual({ url, shows: false })
  }
})

test('the ends of sagas are told to who keeps records, and name nobody', async () => {
  const told = await eventually(async () => {
    const rows = await facts(['SagaCompleted', 'SagaAborted'])
    expect(rows).toHaveLength(2)
    return rows
  })
  expect(told.map(({ type, data }) => [type, data.sagaId, data.code])).toEqual([
    ['SagaCompleted', done, undefined],
    ['SagaAborted', undone, 'claim.expired'],
  ])
  expect(JSON.stringify(told)).not.toContain(derivedId(undone, 'person'))
})

const facts = (types: readonly string[]) => bench.told(types)

const lookUps = () => facts(['SagaLookedUp'])
