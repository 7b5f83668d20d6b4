// What lies in the dead letters: shown, edited against its schema, handled once more, or let lie; the original stays.
import { deadLetter } from '@loomworks/bus'
import { commandSubject, PersonNamesChanged } from '@loomworks/contracts'
import { newId } from '@loomworks/kernel'
import { eventually } from '@loomworks/testing'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { type Answer, type IdentityBench, identityBench } from '../../identity-bench.ts'
import { signedUp, verified, withFactors } from '../../signing-up.ts'
import { withoutDefinition } from '../gone-definition.ts'

let bench: IdentityBench
beforeAll(async () => {
  bench = await identityBench({ adminUrl: inject('adminUrl') })
})
afterAll(() => bench[Symbol.asyncDispose]())

let letGo = () => {}
afterEach(() => letGo())

const asOperator = (url: string) => bench.ask('GET', url, { session: bench.operatorToken })
const decide = (url: string, body: unknown) => bench.ask('POST', url, { session: bench.operatorToken, body })
const REASON = 'the bug is mended'

/** A saga that waits for memory. */
async function openSaga(): Promise<{ readonly id: string; readonly answer: Promise<Answer> }> {
  const gate = Promise.withResolvers<void>()
  letGo = gate.resolve
  bench.steps.set('induct/do', async ({ data, sagaId }) => {
    await gate.promise
    return { outcome: 'done', data: { engagementId: data.engagementId ?? '', seed: sagaId, cycle: sagaId, position: '1' } }
  })
  const answer = verified(bench, await withFactors(bench, { email: `${newId()}@example.org` }))
  const id = await eventually(async () => {
    const [saga] = (await asOperator('/admin/sagas?limit=1&state=running')).body.items
    return z.string().parse(saga?.id)
  })
  return { id, answer }
}

/** A command of this saga that nobody can read. */
async function unreadable(sagaId: string, data: unknown): Promise<string> {
  const messageId = `broken/${newId()}`
  await bench.platform.bus.publish({ subject: commandSubject('identity', sagaId, 'commonsJoin', 'do'), id: messageId, data: JSON.stringify(data) })
  return eventually(async () => {
    const { items } = (await asOperator(`/admin/dead-letters?saga=${sagaId}`)).body
    return z.string().parse(items.find(({ origin }: { origin: { id: string } }) => origin.id === messageId)?.id)
  })
}

let facts = 7n
/** A fact of a service that died with one of its readers, each at a place of its own. */
async function deadFact(subject: string, data: unknown, error = 'no such column'): Promise<string> {
  const message = { subject, id: newId(), seq: facts++, headers: { 'outbox-seq': '7' }, data: JSON.stringify(data), deliveries: 6 }
  const { seq } = await bench.platform.bus.publish(deadLetter(message, { stream: 'EVENTS', service: 'companion', reason: 'exhausted', error }))
  return String(seq)
}

const fact = (data: unknown) => ({
  type: 'PersonNamesChanged',
  v: 1,
  at: '2030-01-02T03:04:05.678Z',
  actor: { kind: 'service', id: 'identity' },
  entity: PersonNamesChanged.sample.personId,
  correlationId: newId(),
  causationId: newId(),
  traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  data,
})
const SUBJECT = `evt.identity.3.${PersonNamesChanged.sample.personId}.PersonNamesChanged`

describe('a dead letter', () => {
  test('is listed with what went wrong and where it stood, by service, reason and saga', async () => {
    const { id: saga, answer } = await openSaga()
    const id = await unreadable(saga, { nothing: 'canary' })
    const { items } = (await asOperator(`/admin/dead-letters?service=identity&reason=schema&saga=${saga}`)).body
    expect(items).toMatchObject([
      { id, service: 'identity', reason: 'schema', error: 'not a saga command', saga_id: saga, origin: { stream: 'SAGA_CMD' }, decisions: [] },
    ])
    expect((await asOperator('/admin/dead-letters?service=credit')).body).toEqual({ items: [], next_cursor: null })
    expect(JSON.stringify((await asOperator(`/admin/dead-letters/${id}`)).body)).not.toContain('canary')
    letGo()
    await answer
  })

  test('is paged', async () => {
    for (const _ of [1, 2]) await deadFact(SUBJECT, fact(PersonNamesChanged.sample))
    const first = await asOperator('/admin/dead-letters?service=companion&limit=1')
    const second = await asOperator(`/admin/dead-letters?service=companion&limit=1&cursor=${first.body.next_cursor}`)
    expect(second.body.items[0].id).not.toBe(first.body.items[0].id)
  })

  test('shows its message, and says whether it fits its schema; of an address in an error a digest alone', async () => {
    const good = await deadFact(SUBJECT, fact(PersonNamesChanged.sample), 'Key (email)=(ada@example.org) already exists')
    const { body } = await asOperator(`/admin/dead-letters/${good}`)
    expect(body.content).toMatchObject({ fits: true, message: { type: 'PersonNamesChanged', data: PersonNamesChanged.sample } })
    expect(body.error).toMatch(/^Key \(email\)=\(•••[0-9a-f]{8}\) already exists$/)
    const bad = await deadFact(SUBJECT, fact({ surprise: 'canary' }))
    expect((await asOperator(`/admin/dead-letters/${bad}`)).body.content).toMatchObject({
      fits: false,
      message: { data: { surprise: expect.stringMatching(/^•••/) } },
    })
    const none = await deadFact('evt.identity.3.x.NoSuchThing', 'text')
    expect((await asOperator(`/admin/dead-letters/${none}`)).body.content).toMatchObject({ fits: false, bytes: 6 })
  })

  test('that is not there is told so', async () => {
    expect(await asOperator('/admin/dead-letters/999999999')).toMatchObject({ status: 404, body: { code: 'dlq.not_found' } })
    expect(await asOperator('/admin/dead-letters/first')).toMatchObject({ status: 422, body: { code: 'invalid_body' } })
    for (const verb of ['redrive', 'discard'])
      expect(await decide(`/admin/dead-letters/999999999/${verb}`, { reason: REASON })).toMatchObject({ status: 404, body: { code: 'dlq.not_found' } })
  })
})

describe('redriven', () => {
  test('a fact goes out on its subject again, under an id of its own, and is the fact it was; the letter stays', async () => {
    const id = await deadFact(SUBJECT, fact(PersonNamesChanged.sample))
    const dry = await decide(`/admin/dead-letters/${id}/redrive`, { reason: REASON, dry_run: true })
    expect(dry).toMatchObject({ status: 200, body: { dry_run: true, decision: null, message: { subject: SUBJECT } } })
    expect((await sentOn(SUBJECT)).length).toBe(0)
    const { status, body } = await decide(`/admin/dead-letters/${id}/redrive`, { reason: REASON })
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { id, decision: { decision: 'redriven', edited: false, reason: REASON, by: { id: 'operator' } }, message: { subject: SUBJECT } },
    })
    const letter = (await asOperator(`/admin/dead-letters/${id}`)).body
    expect(await sentOn(SUBJECT)).toMatchObject([{ id: body.message.id, headers: { 'message-id': letter.origin.id, 'outbox-seq': '7' } }])
    expect(letter.decisions).toMatchObject([{ decision: 'redriven', reason: REASON }])
  })

  test('as edited, where the edit fits its schema; what was left masked is what it was', async () => {
    const { id: saga, answer } = await openSaga()
    const command = {
      v: 1,
      id: `${saga}/commonsJoin/do/1`,
      sagaId: saga,
      definition: 'signup',
      definitionVersion: 1,
      step: 'commonsJoin',
      dir: 'do',
      attempt: 1,
      correlationId: 'c',
      causationId: 'c',
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      issuedAt: new Date().toISOString(),
      data: {},
    }
    const id = await unreadable(saga, { ...command, attempt: 'first' })
    const url = `/admin/dead-letters/${id}/redrive`
    const edit = async (message: unknown) => decide(url, { reason: REASON, message })
    expect(await edit({ ...command, data: { personId: 'nobody' } })).toMatchObject({
      status: 422,
      body: { code: 'dlq.edit_invalid', errors: expect.arrayContaining([expect.objectContaining({ pointer: '/data/personId' })]) },
    })
    expect(await edit({ ...command, step: 'activate' })).toMatchObject({
      status: 422,
      body: { errors: expect.arrayContaining([expect.objectContaining({ pointer: '/step', code: 'fixed' })]) },
    })
    const { body: detail } = await asOperator(`/admin/sagas/${saga}`)
    const data = { personId: detail.ids.personId, engagementId: detail.ids.engagementId }
    expect(await edit({ ...command, data })).toMatchObject({ status: 200, body: { decision: { decision: 'redriven', edited: true } } })
    await eventually(async () => {
      const { deliveries } = (await asOperator(`/admin/sagas/${saga}/timeline`)).body
      const results = deliveries.flatMap(({ step, deliveries: arrived }: { step: string; deliveries: readonly { result: string }[] }) =>
        step === 'commonsJoin' ? arrived.map(({ result }) => result) : [],
      )
      expect(results).toEqual(['ok', 'duplicate'])
    })
    letGo()
    await answer
    expect(await decide(url, { reason: REASON })).toMatchObject({ status: 409, body: { code: 'dlq.saga_closed' } })
  })

  test('not where the definition of its saga is gone', async () => {
    const { id: saga, answer } = await openSaga()
    const id = await unreadable(await withoutDefinition(bench.platform.eventStore, saga), {})
    expect(await decide(`/admin/dead-letters/${id}/redrive`, { reason: REASON })).toMatchObject({ status: 410, body: { code: 'saga.version_missing' } })
    letGo()
    await answer
  })

  test('only with a reason', async () => {
    const id = await deadFact(SUBJECT, fact(PersonNamesChanged.sample))
    for (const verb of ['redrive', 'discard'])
      expect(await decide(`/admin/dead-letters/${id}/${verb}`, {})).toMatchObject({ status: 422, body: { code: 'saga.reason_required' } })
  })
})

test('discarded: the letter stays, with who said so and why; and it is told to who keeps records', async () => {
  const id = await deadFact(SUBJECT, fact(PersonNamesChanged.sample))
  expect(await decide(`/admin/dead-letters/${id}/discard`, { reason: 'a test of ours' })).toMatchObject({
    status: 200,
    body: { decision: { decision: 'discarded' }, message: null },
  })
  expect((await asOperator(`/admin/dead-letters/${id}`)).body.decisions).toMatchObject([{ decision: 'discarded', reason: 'a test of ours' }])
  expect((await bench.told('OperatorActed')).at(-1)).toMatchObject({
    actor: { kind: 'service', id: 'operator' },
    data: { action: 'discard', reason: 'a test of ours' },
  })
})

test('they are for who has the scope', async () => {
  const { session } = await signedUp(bench, { email: `${newId()}@example.org` })
  for (const url of ['/admin/dead-letters', '/admin/dead-letters/1']) {
    expect(await bench.ask('GET', url)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(await bench.ask('GET', url, { session })).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } })
  }
  for (const verb of ['redrive', 'discard']) {
    expect(await bench.ask('POST', `/admin/dead-letters/1/${verb}`, { body: { reason: REASON } })).toMatchObject({ status: 401 })
    expect(await bench.ask('POST', `/admin/dead-letters/1/${verb}`, { session, body: { reason: REASON } })).toMatchObject({
      status: 403,
      body: { code: 'auth.scope_missing' },
    })
  }
})

test('a fact goes out again through who published it, and nobody else’s', async () => {
  const message = { subject: SUBJECT, id: newId(), headers: {}, data: '{}' }
  expect(await bench.internal('identity', 'POST', '/internal/messages', message)).toMatchObject({ status: 200, body: { duplicate: false } })
  expect(await bench.internal('identity', 'POST', '/internal/messages', { ...message, subject: SUBJECT.replace('identity', 'memory') })).toMatchObject({
    status: 403,
  })
  expect(await bench.internal('memory', 'POST', '/internal/messages', message)).toMatchObject({ status: 403 })
})

async function sentOn(subject: string) {
  const sent = []
  for await (const { id, headers } of bench.platform.bus.browse('EVENTS', subject)) sent.push({ id, headers })
  return sent
}
