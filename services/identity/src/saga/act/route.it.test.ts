// Every action through its door: what it does, that a dry run tells the same and does nothing, and what is refused.
import { newId } from '@loomworks/kernel'
import { exec, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { type Answer, type IdentityBench, identityBench } from '../../identity-bench.ts'
import { signedUp, verified, type WithFactors, withFactors } from '../../signing-up.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())
beforeEach(() => bench.steps.clear())

const asOperator = (url: string) => bench.ask('GET', url, { session: bench.operatorToken })
const REASON = 'memory is back'

/** Somebody whose signup waits for memory, which answers once it is let go. */
async function waiting(): Promise<{ readonly id: string; readonly letGo: () => void; readonly answer: Promise<Answer>; readonly who: WithFactors }> {
  const gate = Promise.withResolvers<void>()
  bench.steps.set('induct/do', async ({ data, sagaId }) => {
    await gate.promise
    return { outcome: 'done', data: { engagementId: data.engagementId ?? '', seed: sagaId, cycle: sagaId, position: '1' } }
  })
  const who = await withFactors(bench, { email: `${newId()}@example.org` })
  const answer = verified(bench, who)
  const id = await eventually(async () => {
    const [saga] = (await asOperator('/admin/sagas?limit=1')).body.items
    const { body } = await asOperator(`/admin/sagas/${saga.id}`)
    expect(body.steps).toContainEqual(expect.objectContaining({ step: 'commonsJoin', state: 'done', attempt: 1 }))
    expect(body.steps).toContainEqual({ step: 'induct', state: 'sent', attempt: 1 })
    return saga.id
  })
  return { id, letGo: gate.resolve, answer, who }
}

async function act(id: string, action: string, more: Record<string, unknown> = {}): Promise<Answer> {
  const { revision } = (await asOperator(`/admin/sagas/${id}`)).body
  return bench.ask('POST', `/admin/sagas/${id}/actions`, {
    session: bench.operatorToken,
    body: { action, reason: REASON, expected_revision: revision, ...more },
  })
}

/** What a dry run and the act itself must have in common. */
const essence = ({ body }: Answer) => ({
  events: body.events.map(({ type, data: { timeoutAt: _at, ...data } }: { type: string; data: Record<string, unknown> }) => ({ type, data })),
  messages: body.messages,
})

describe('a saga that waits', () => {
  test.each([
    ['retry', ['OperatorActed', 'StepSent'], [/\/induct\/do\/2$/]],
    ['resend', ['OperatorActed'], [/\/induct\/do\/1\/o\d+$/]],
    ['pause', ['OperatorActed'], []],
    ['cancel', ['OperatorActed', 'CompensationStarted', 'UndoSent', 'UndoSent'], [/\/induct\/undo\/1$/, /\/commonsJoin\/undo\/1$/]],
  ])('%s: a dry run tells what the act then does', async (action, types, messages) => {
    const { id, letGo, answer } = await waiting()
    const dry = await act(id, action, { dry_run: true })
    expect(dry).toMatchObject({ status: 200, body: { id, action, dry_run: true } })
    expect((await asOperator(`/admin/sagas/${id}`)).body.revision).toBe(dry.body.revision - dry.body.events.length)
    const done = await act(id, action)
    expect(done).toMatchObject({ status: 200, body: { id, action, dry_run: false, revision: dry.body.revision } })
    expect(essence(done)).toEqual(essence(dry))
    expect(done.body.events.map(({ type }: { type: string }) => type)).toEqual(types)
    expect(done.body.messages.map((message: { id: string }) => message.id)).toEqual(messages.map((pattern) => expect.stringMatching(pattern)))
    if (action === 'pause') await act(id, 'unpause')
    letGo()
    await answer
  })

  test('pause holds it until it is unpaused; then it goes on to its end', async () => {
    const { id, letGo } = await waiting()
    await act(id, 'pause')
    expect((await asOperator('/admin/sagas?limit=1')).body.items[0].overlays).toEqual(['paused'])
    letGo()
    await eventually(async () =>
      expect((await asOperator(`/admin/sagas/${id}`)).body.steps).toContainEqual(expect.objectContaining({ step: 'induct', state: 'done', attempt: 1 })),
    )
    expect((await asOperator(`/admin/sagas/${id}`)).body).toMatchObject({ state: 'running', overlays: ['paused'] })
    expect((await act(id, 'unpause')).body.messages).toMatchObject([{ step: 'activate' }])
    await eventually(async () => expect((await asOperator(`/admin/sagas/${id}`)).body).toMatchObject({ state: 'completed', overlays: [] }))
  })

  test('cancel: who signs up is told so, and may try again', async () => {
    const { id, letGo, answer, who } = await waiting()
    expect((await act(id, 'cancel')).status).toBe(200)
    letGo()
    expect(await answer).toMatchObject({ status: 409, body: { code: 'saga.cancelled' } })
    bench.steps.clear()
    expect((await verified(bench, who)).status).toBe(200)
  })

  test('the act is in its stream under the name of who did it, and told to who keeps records', async () => {
    const { id, letGo, answer } = await waiting()
    const { body } = await act(id, 'retry', { step: 'induct' })
    const event = (await asOperator(`/admin/sagas/${id}/state?at=${body.revision - 1}`)).body.event
    expect(event).toMatchObject({
      type: 'OperatorActed',
      actor: { kind: 'service', id: 'operator' },
      data: { action: 'retry', step: 'induct', reason: REASON },
    })
    await eventually(async () =>
      expect(await actsOn(id)).toMatchObject([{ actor: { kind: 'service', id: 'operator' }, data: { action: 'retry', reason: REASON, sagaId: id } }]),
    )
    letGo()
    await answer
  })
})

const actsOn = (id: string) => bench.told('OperatorActed', id)

describe('is refused:', () => {
  test('an action that there is not, one without a reason, one that names an address', async () => {
    const { id, letGo, answer } = await waiting()
    expect(await act(id, 'skip')).toMatchObject({ status: 422, body: { code: 'saga.action_unknown' } })
    for (const reason of ['', 'no', 'asked by ada@example.org', 'x'.repeat(501)])
      expect((await act(id, 'retry', { reason })).body.code).toMatch(/^(?:saga\.reason_required|invalid_body)$/)
    expect(await act(id, 'retry', { surprise: true })).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    letGo()
    await answer
  })

  test('one on a saga that has gone on since it was looked at', async () => {
    const { id, letGo, answer } = await waiting()
    const { revision } = (await asOperator(`/admin/sagas/${id}`)).body
    expect(await act(id, 'pause', { expected_revision: revision - 1 })).toMatchObject({ status: 409, body: { code: 'saga.changed', revision } })
    letGo()
    await answer
  })

  test('what is not legal as the saga stands', async () => {
    const { id, letGo, answer } = await waiting()
    expect(await act(id, 'unpause')).toMatchObject({ status: 409, body: { code: 'saga.not_pausable' } })
    expect(await act(id, 'retry', { step: 'activate' })).toMatchObject({ status: 409, body: { code: 'saga.nothing_outstanding' } })
    const undo = Promise.withResolvers<void>()
    bench.steps.set('induct/undo', async () => {
      await undo.promise
      return { outcome: 'done', data: { effect: 'none' } }
    })
    await act(id, 'cancel')
    // The other undo that answers meanwhile changes the saga between the look and the act.
    await eventually(async () => expect(await act(id, 'cancel')).toMatchObject({ status: 409, body: { code: 'saga.past_pivot' } }))
    undo.resolve()
    letGo()
    await answer
    for (const action of ['retry', 'resend', 'pause', 'unpause', 'cancel'])
      expect(await act(id, action)).toMatchObject({ status: 409, body: { code: 'saga.closed' } })
  })

  test('a saga that is not there', async () => {
    const body = { action: 'retry', reason: REASON, expected_revision: 0 }
    expect(await bench.ask('POST', `/admin/sagas/${newId()}/actions`, { session: bench.operatorToken, body })).toMatchObject({
      status: 404,
      body: { code: 'saga.not_found' },
    })
  })

  test('who is nobody, who has no such scope, who may only look', async () => {
    const url = `/admin/sagas/${newId()}/actions`
    const body = { action: 'retry', reason: REASON, expected_revision: 0 }
    const { personId, session } = await signedUp(bench, { email: `${newId()}@example.org` })
    expect(await bench.ask('POST', url, { body })).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(await bench.ask('POST', url, { body, session })).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } })
    await grant(personId, 'auditor')
    expect((await bench.ask('GET', '/admin/sagas', { session })).status).toBe(200)
    expect(await bench.ask('POST', url, { body, session })).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } })
    await grant(personId, 'ops')
    expect(await bench.ask('POST', url, { body, session })).toMatchObject({ status: 404 })
  })
})

function grant(personId: string, role: string) {
  return exec(
    bench.db,
    sql`insert into identity.person_roles (person_id, role, granted_by) values (${personId}, ${role}, '{"kind":"service","id":"operator"}')`,
  )
}
