// What an operator watches of sagas (saga page §2): each number moves when what it tells of does.
import { commandSubject, replySubject } from '@loomworks/contracts'
import { newId, ServiceName } from '@loomworks/kernel'
import { exec, openDatabase, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metricsOf } from '../invariants/metrics.ts'
import { proven } from '../signup/ceremony.ts'
import { freePort, startWhole, type Whole } from '../whole.ts'

let whole: Whole
let opsPort: number

beforeAll(async () => {
  opsPort = await freePort()
  whole = await startWhole({ environment: { OPS_PORT: String(opsPort) } })
  await whole.admin()
})
afterAll(() => whole[Symbol.asyncDispose]())

/** The sum over the series of a metric at one service that begin so; 0 where there is none. */
async function sumAt(service: ServiceName, name: string, ...labels: readonly string[]): Promise<number> {
  const text = (await metricsOf(whole.instance.platform.addressOf, opsPort))[ServiceName.options.indexOf(service)] ?? ''
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

test('how long sagas and their steps take, by how they ended', async () => {
  const ended = (outcome: string) => sumAt('identity', 'saga_duration_seconds_count', 'definition="signup"', `outcome="${outcome}"`)
  // The administrator's own is counted a moment after they have their answer.
  await eventually(async () => expect(await ended('completed')).toBe(1))
  const before = [1, await ended('aborted')]
  const taken = whole.newcomer()
  await taken.signUp()
  await (await proven(whole.url, { ...whole.newcomer(), email: taken.email })).finish()
  await eventually(async () => expect([await ended('completed'), await ended('aborted')]).toEqual(before.map((count) => count + 1)))
  for (const step of ['createPending', 'induct', 'commonsJoin', 'activate'])
    expect(await sumAt('identity', 'saga_step_seconds_count', `step="${step}"`)).toBeGreaterThan(0)
})

test('how many sagas are open', async () => {
  const open = () => sumAt('identity', 'saga_open', 'definition="signup"', 'state="running"')
  expect(await open()).toBe(0)
  const db = openDatabase({ url: whole.instance.adminUrl, max: 1, applicationName: 'metrics test', onError: () => undefined })
  const registration = await proven(whole.url, whole.newcomer())
  const finished = await db.transaction(async (tx) => {
    // Memory cannot answer while nobody may write its fences.
    await exec(tx, sql`lock table memory.saga_fence in exclusive mode`)
    const answer = registration.finish()
    await eventually(async () => expect(await open()).toBe(1), 4000)
    await eventually(async () => {
      expect(await sumAt('identity', 'saga_oldest_seconds')).toBeGreaterThan(0)
      expect(await sumAt('identity', 'saga_unanswered_seconds')).toBeGreaterThan(0)
    }, 4000)
    expect(await sumAt('identity', 'saga_stalled')).toBe(0)
    return { answer }
  })
  await finished.answer
  await db.close()
  await eventually(async () => expect(await open()).toBe(0))
  expect([await sumAt('identity', 'saga_oldest_seconds'), await sumAt('identity', 'saga_unanswered_seconds')]).toEqual([0, 0])
})

test('what comes twice, and what comes too late', async () => {
  const admin = await whole.admin()
  const [saga] = (await admin.expect(200, 'GET', '/admin/sagas?state=completed&limit=1')).items
  const stale = await sumAt('identity', 'saga_stale_replies_total')
  await sendAgain('SAGA_CMD', commandSubject('identity', saga.id, 'createPending', 'do'))
  await eventually(async () => expect(await sumAt('identity', 'fence_duplicates_total', 'step="createPending"')).toBe(1))
  await sendAgain('SAGA_REP', replySubject(saga.id, 'createPending'))
  await eventually(async () => expect(await sumAt('identity', 'saga_stale_replies_total')).toBeGreaterThan(stale))
})

/** The first message on a subject, once more: under an id of its own, or the bus would know it. */
async function sendAgain(stream: 'SAGA_CMD' | 'SAGA_REP', subject: string): Promise<void> {
  const { bus } = whole.instance.platform
  for await (const { headers, data } of bus.browse(stream, subject)) {
    await bus.publish({ subject, id: newId(), headers, data })
    return
  }
  throw new Error(`nothing was sent on ${subject}`)
}

test('what could not be handled', async () => {
  const sagaId = newId()
  await whole.instance.platform.bus.publish({ subject: commandSubject('credit', sagaId, 'reserve', 'do'), id: newId(), data: '{}' })
  await eventually(async () => expect(await sumAt('identity', 'dlq_messages', 'of="credit"', 'reason="schema"')).toBe(1))
})
