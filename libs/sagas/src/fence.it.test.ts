// Fences on the real PostgreSQL, row and stream: every command delivered twice, in every order, and killed between the write and
// the acknowledgement. Whatever comes, an effect happens at most once and an undo is final.
import { createPendingPerson, inductPersonalEngagement, type SagaCommand, type StepMessage } from '@loomworks/contracts'
import { PostgresEventStore } from '@loomworks/event-store'
import { derivedId, Transient, timeOf } from '@loomworks/kernel'
import { exec, many, sql, type Tx } from '@loomworks/sql'
import { PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { noting } from './delivery-note.ts'
import { FenceTable } from './fence-table.ts'
import { answerCommand, type Participant } from './participant.ts'
import { type Behaviours, inductStep, prepareStand, rowStep, someone } from './simulation/stand.ts'
import type { SagaStep } from './step.ts'

let database: TestDatabase
let store: PostgresEventStore
let fences: FenceTable

beforeAll(async () => {
  database = await testDatabase(inject('adminUrl'), PLATFORM_SCHEMAS)
  await prepareStand(database.db)
  store = new PostgresEventStore({ db: database.db, onTrouble: () => {} })
  fences = new FenceTable(database.db, 'host')
})

afterAll(async () => {
  await store.close()
  await database[Symbol.asyncDispose]()
})

const KINDS: readonly [string, StepMessage][] = [
  ['row', createPendingPerson],
  ['stream', inductPersonalEngagement],
]
const ORDERS = ['do', 'undo', 'do do', 'undo undo', 'do undo', 'undo do', 'do undo do', 'undo do undo', 'do do undo undo do', 'undo do do undo do'] as const

test.for(KINDS.flatMap(([kind, message]) => ORDERS.map((order) => ({ kind, message, order }))))(
  '$kind fence: $order leaves at most one effect, and none after an undo',
  async ({ message, order }) => {
    const who = someone()
    let undone = false
    let applied = false
    for (const [n, dir] of order.split(' ').entries()) {
      const reply = await answer(message, command(message, dir as 'do' | 'undo', who, { attempt: n + 1 }))
      if (dir === 'do')
        expect(reply).toMatchObject(undone ? { outcome: 'refused' } : { outcome: 'done', attempt: n + 1, id: `${who.sagaId}/${message.step}/do/${n + 1}/r` })
      else expect(reply).toMatchObject({ outcome: 'done', data: { effect: applied ? 'reversed' : 'none' } })
      applied ||= dir === 'do' && !undone
      undone ||= dir === 'undo'
    }
    expect(await effects(message, who)).toEqual([...(applied ? ['do'] : []), ...(undone && (applied || message.step === 'induct') ? ['undo'] : [])])
  },
)

test.for(KINDS)('%s fence: do and undo at the same moment end in an undone saga, whoever was first', async ([, message]) => {
  for (let round = 0; round < 10; round++) {
    const who = someone()
    const [did, undid] = await Promise.all([answer(message, command(message, 'do', who)), answer(message, command(message, 'undo', who))])
    expect(undid.outcome).toBe('done')
    expect(['done', 'refused']).toContain(did.outcome)
    expect((await answer(message, command(message, 'do', who))).outcome).toBe('refused')
    expect(undid.data?.effect === 'reversed').toBe((await effects(message, who)).includes('do'))
  }
})

test.for(['do', 'undo'] as const)('F3: a participant killed in %s before the commit leaves nothing, and its redelivery does the work', async (dir) => {
  const who = someone()
  let killed = false
  const crash = () => {
    if (killed) return
    killed = true
    throw new Transient('killed')
  }
  const behaviours = { [dir === 'do' ? 'createPending' : 'createPending/undo']: { crash } }
  if (dir === 'undo') await answer(createPendingPerson, command(createPendingPerson, 'do', who), behaviours)
  await expect(answer(createPendingPerson, command(createPendingPerson, dir, who), behaviours)).rejects.toThrow('killed')
  expect(await effects(createPendingPerson, who)).toEqual(dir === 'do' ? [] : ['do'])
  expect((await answer(createPendingPerson, command(createPendingPerson, dir, who), behaviours)).outcome).toBe('done')
  expect(await effects(createPendingPerson, who)).toEqual(dir === 'do' ? ['do'] : ['do', 'undo'])
})

test('F2: the reply of a repeated do is the stored one, under the attempt that asked again', async () => {
  const who = someone()
  const first = await answer(createPendingPerson, command(createPendingPerson, 'do', who))
  const second = await answer(createPendingPerson, command(createPendingPerson, 'do', who, { attempt: 2 }))
  expect(second).toMatchObject({ attempt: 2, at: first.at, data: first.data })
})

test('a business failure leaves no effect, is answered again, and needs no undo', async () => {
  const who = someone()
  const behaviours = { createPending: { fail: 'signup.email_taken' } }
  for (const attempt of [1, 2])
    expect(await answer(createPendingPerson, command(createPendingPerson, 'do', who, { attempt }), behaviours)).toMatchObject({
      outcome: 'failed',
      code: 'signup.email_taken',
    })
  expect(await answer(createPendingPerson, command(createPendingPerson, 'undo', who))).toMatchObject({ outcome: 'done', data: { effect: 'none' } })
  expect(await effects(createPendingPerson, who)).toEqual([])
})

test('a failure that the message does not know is delivered again, not answered', async () => {
  const behaviours = { createPending: { fail: 'signup.unheard_of' } }
  await expect(answer(createPendingPerson, command(createPendingPerson, 'do', someone()), behaviours)).rejects.toThrow('refused')
})

test.for(KINDS)('%s fence: the same do with other data is an error, after an undo it is refused', async ([, message]) => {
  const who = someone()
  await answer(message, command(message, 'do', who))
  const other = command(message, 'do', who, { data: { ...dataOf(message, who), personId: derivedId(who.sagaId, 'other') } })
  expect(await answer(message, other)).toMatchObject({ outcome: 'error', code: 'saga.input_mismatch' })
  await answer(message, command(message, 'undo', who))
  expect((await answer(message, other)).outcome).toBe('refused')
})

test.for<[string, Partial<SagaCommand>, string]>([
  ['data that do not fit', { data: {} }, 'saga.schema'],
  ['a version from the future', { v: 2 }, 'saga.unknown_version'],
  ['a step nobody knows', { step: 'nothing' }, 'saga.unknown_step'],
  ['a command of last week', { issuedAt: timeOf(Date.now() - 8 * 86_400_000) }, 'saga.stale_command'],
])('%s: the answer is an error, and nothing happens', async ([, change, code]) => {
  const who = someone()
  expect(await answer(createPendingPerson, command(createPendingPerson, 'do', who, change))).toMatchObject({ outcome: 'error', code })
  expect(await effects(createPendingPerson, who)).toEqual([])
})

test('a stream fence needs no row: do, undo, the row is lost, and a do is still refused', async () => {
  const who = someone()
  await answer(inductPersonalEngagement, command(inductPersonalEngagement, 'do', who))
  await answer(inductPersonalEngagement, command(inductPersonalEngagement, 'undo', who))
  await exec(database.db, sql`delete from host.saga_fence where saga_id = ${who.sagaId}`)
  expect((await answer(inductPersonalEngagement, command(inductPersonalEngagement, 'do', who))).outcome).toBe('refused')
})

test('fences go thirty days after their last use, and not before', async () => {
  const [old, young] = [someone(), someone()]
  for (const who of [old, young]) await answer(createPendingPerson, command(createPendingPerson, 'do', who))
  await exec(database.db, sql`update host.saga_fence set last_seen_at = now() - interval '31 days' where saga_id = ${old.sagaId}`)
  expect(await fences.expire()).toBe(1)
  expect((await answer(createPendingPerson, command(createPendingPerson, 'do', young))).outcome).toBe('done')
})

test.for(KINDS)('%s fence: each delivery leaves a note of what became of it', async ([, message]) => {
  const who = someone()
  const other = { ...dataOf(message, who), personId: derivedId(who.sagaId, 'other') }
  await answer(message, command(message, 'do', who))
  await answer(message, command(message, 'do', who, { attempt: 2 }), {}, 2)
  await answer(message, command(message, 'do', who, { attempt: 2, data: other }))
  await answer(message, command(message, 'do', who, { data: {} }))
  await answer(message, command(message, 'undo', who))
  await answer(message, command(message, 'undo', who))
  await answer(message, command(message, 'do', who, { attempt: 3 }))
  expect(await notes(who)).toEqual([
    'do/1/1 ok ',
    'do/2/2 duplicate ',
    'do/2/1 error saga.input_mismatch',
    'do/1/1 error saga.schema',
    'undo/1/1 ok ',
    'undo/1/1 duplicate ',
    'do/3/1 refused ',
  ])
})

test('a business failure is an answer, and its note says which', async () => {
  const who = someone()
  await answer(createPendingPerson, command(createPendingPerson, 'do', who), { createPending: { fail: 'signup.email_taken' } })
  expect(await notes(who)).toEqual(['do/1/1 ok signup.email_taken'])
})

test('an undo of what never arrived is noted once as done, then as repeated', async () => {
  const who = someone()
  for (const _ of [1, 2]) await answer(createPendingPerson, command(createPendingPerson, 'undo', who))
  expect(await notes(who)).toEqual(['undo/1/1 ok ', 'undo/1/1 duplicate '])
})

test('notes go after seven days, and not before', async () => {
  const [old, young] = [someone(), someone()]
  for (const who of [old, young]) await answer(createPendingPerson, command(createPendingPerson, 'do', who))
  await exec(database.db, sql`update host.saga_delivery set at = at - interval '8 days' where saga_id = ${old.sagaId}`)
  expect(await fences.expire()).toBe(1)
  expect([await notes(old), await notes(young)]).toEqual([[], ['do/1/1 ok ']])
})

async function notes({ sagaId }: Who): Promise<readonly string[]> {
  const rows = await many(
    database.db,
    z.object({ note: z.string() }),
    sql`select concat(dir, '/', attempt, '/', delivery_no, ' ', result, ' ', error_class) as note from host.saga_delivery where saga_id = ${sagaId} order by at, ctid`,
  )
  return rows.map(({ note }) => note)
}

type Who = ReturnType<typeof someone>

function answer(message: StepMessage, order: SagaCommand, behaviours: Behaviours = {}, deliveryNo = 1) {
  const step: SagaStep<undefined> = message.step === 'induct' ? inductStep : rowStep(message, behaviours)
  const participant: Participant<undefined, Tx> = {
    service: message.service as 'identity',
    instance: 'test',
    steps: new Map([[message.step, step]]),
    parts: undefined,
    clock: { now: () => Date.now() },
    fences,
    streams: { store, cache: fences, service: 'memory' },
  }
  return answerCommand(participant, order, noting({ command: order, deliveryNo, instance: 'test', clock: participant.clock }))
}

function dataOf(message: StepMessage, { sagaId }: Who): SagaCommand['data'] {
  const personId = derivedId(sagaId, 'person')
  return message.step === 'induct'
    ? { personId, engagementId: derivedId(sagaId, 'engagement') }
    : { personId, registrationId: derivedId(sagaId, 'registration') }
}

function command(message: StepMessage, dir: 'do' | 'undo', who: Who, change: Partial<SagaCommand> = {}): SagaCommand {
  const attempt = change.attempt ?? 1
  return {
    v: 1,
    id: `${who.sagaId}/${message.step}/${dir}/${attempt}`,
    sagaId: who.sagaId,
    definition: 'signup',
    definitionVersion: 1,
    step: message.step,
    dir,
    attempt,
    correlationId: who.correlationId,
    causationId: 'cause',
    traceparent: who.traceparent,
    issuedAt: timeOf(Date.now()),
    data: dataOf(message, who),
    ...change,
  }
}

async function effects(message: StepMessage, who: Who): Promise<readonly string[]> {
  if (message.step !== 'induct') {
    const rows = await many(database.db, z.object({ dir: z.string() }), sql`select dir from host.effect where saga_id = ${who.sagaId} order by dir`)
    return rows.map(({ dir }) => dir)
  }
  const types = []
  for await (const event of store.readStream(`engagement-${derivedId(who.sagaId, 'engagement')}`)) types.push(event.type)
  return [...(types.includes('Seed') ? ['do'] : []), ...types.filter((type) => type === 'EngagementVoided').map(() => 'undo')]
}
