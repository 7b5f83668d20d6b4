// Three sagas that went another way than they should, and what the tool answers of each: who, what, when and why.
import type { Clock } from '@loomworks/kernel'
import { type Database, exec, many, openDatabase, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { proven } from '../signup/ceremony.ts'
import { startWhole, type Whole } from '../whole.ts'
import { loomIn } from './command.ts'

const DEADLINE_MS = 31_000
const STALL_MS = 61_000

let whole: Whole
let aheadMs = 0
const jumping: Clock = { now: () => Date.now() + aheadMs }
const steady: Clock = { now: () => Date.now() }

beforeAll(async () => {
  whole = await startWhole({ clockOf: (service) => (service === 'identity' ? jumping : steady) })
  await whole.admin()
})
afterAll(() => whole[Symbol.asyncDispose]())

/** What `loom saga` prints; it must have ended well. */
async function loom(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, ['saga', ...args])
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' })
  return stdout
}

async function newestSaga(): Promise<string> {
  const [saga] = JSON.parse(await loom('list', '--limit', '1', '--json'))
  return saga.id
}

async function onDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const db = openDatabase({ url: whole.instance.adminUrl, max: 2, applicationName: 'stories', onError: () => undefined })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

/** Waits until the list of sagas says this of one; past the services, which do not trust a clock that is far ahead. */
function listedAs(id: string, expected: { readonly state?: string; readonly overlay?: readonly string[]; readonly step?: string | null }): Promise<void> {
  const Row = z.object({ state: z.string(), overlay: z.array(z.string()), step: z.string().nullable() })
  const row = sql`select state, overlay, step from identity.saga_open where saga_id = ${id}`
  return onDatabase((db) => eventually(async () => expect(await many(db, Row, row)).toMatchObject([expected])))
}

/** The bus forgets what it had taken for memory. */
function loseCommands(): Promise<void> {
  return onDatabase(async (db) => {
    const lost = sql`delete from bus.delivery d using bus.message m where m.seq = d.seq and m.subject like 'saga.cmd.memory.%' returning d.seq`
    await expect.poll(() => many(db, z.object({ seq: z.bigint() }), lost)).not.toEqual([])
    await exec(db, sql`delete from bus.message where subject like 'saga.cmd.memory.%'`)
  })
}

/** The signup that has begun last and waits for memory. */
async function waitingForMemory(): Promise<string> {
  const Row = z.object({ saga_id: z.string() })
  const row = sql`select saga_id from identity.saga_open where state = 'running' and step = 'induct' order by started_at desc limit 1`
  return onDatabase((db) =>
    eventually(async () => {
      const [found] = await many(db, Row, row)
      return Row.parse(found).saga_id
    }),
  )
}

test('one that was undone: what failed, why, and that nothing is left', async () => {
  const taken = whole.newcomer()
  await taken.signUp()
  const second = await proven(whole.url, { ...whole.newcomer(), email: taken.email })
  expect(await second.finish()).toMatchObject({ status: 409, body: { code: 'signup.email_taken' } })

  const id = await newestSaga()
  expect(await loom('list', '--error-class', 'signup.email_taken')).toContain(`${id}  signup@1    aborted  createPending`)
  const shown = await loom('show', id)
  expect(shown).toContain('because of signup.email_taken (409)')
  expect(shown).toMatch(/^createPending +identity +failed +1 +signup\.email_taken/m)
  const timeline = await loom('timeline', id)
  expect(timeline).toMatch(/decided +#\d+ StepFailed createPending 1 signup\.email_taken/)
  expect(timeline).toMatch(/delivered +createPending do 1 to identity \(identity-[0-9a-f]+\), delivery 1: ok signup\.email_taken/)
  expect(timeline).toMatch(/effect +createPending at identity is failed \(signup\.email_taken\)/)
})

test('one whose commands were lost: held, sent again by an operator, and completed; the history names who and why', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  await whole.instance.part('memory').stop()
  const finished = registration.finish()
  const id = await waitingForMemory()
  // Between its look and its act the saga may have moved on by itself; then nothing was done, and it is asked again.
  await eventually(() => loom('pause', id, '--reason', 'the bus was restored'))
  expect(await loom('list', '--state', 'running')).toContain('running paused')
  await loseCommands()
  await loom('unpause', id, '--reason', 'the bus is back')
  expect(await eventually(() => loom('resend', id, '--reason', 'its commands were lost', '--dry-run'))).toMatch(
    /It would append:\n {2}OperatorActed\nand send:\n {2}\S+\/induct\/do\/\d+\/o\d+ on saga\.cmd\.memory\./,
  )
  // It is asked again by itself too, and then it is no longer what was looked at.
  await eventually(() => loom('resend', id, '--reason', 'its commands were lost'))
  await whole.instance.part('memory').start()
  expect([200, 202]).toContain((await finished).status)
  await eventually(async () => expect(await registration.progress()).toMatchObject({ state: 'completed' }))

  const timeline = await loom('timeline', id)
  expect(timeline).toMatch(/OperatorActed pause the bus was restored by service operator/)
  expect(timeline).toMatch(/OperatorActed unpause the bus is back by service operator/)
  expect(timeline).toMatch(/OperatorActed resend its commands were lost by service operator/)
  expect(timeline).toMatch(/delivered +induct do \d+ to memory \(memory-[0-9a-f]+\), delivery 1: ok/)
  expect(timeline.match(/SagaCompleted/g)).toHaveLength(1)
})

test('one that was stalled: listed, repaired by an operator, undone; the record of it is in the log', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  await whole.instance.part('memory').stop()
  const finished = registration.finish()
  const id = await waitingForMemory()
  aheadMs = DEADLINE_MS
  await listedAs(id, { state: 'compensating' })
  aheadMs += STALL_MS
  await listedAs(id, { overlay: ['stalled'], step: 'induct' })
  aheadMs = 0
  expect(await loom('list', '--stalled')).toContain(id)
  const stuck = await loom('show', id)
  expect(stuck).toMatch(/^stalled: saga\.no_answer at the undo of induct$/m)
  expect(stuck).toMatch(/^induct +memory +stuck/m)
  await loseCommands()
  await whole.instance.part('memory').start()
  expect(await eventually(() => loom('retry', id, '--reason', 'memory was away'))).toMatch(/and send:\n {2}\S+\/induct\/undo\/\d+ on saga\.cmd\.memory\./)
  await listedAs(id, { state: 'aborted', overlay: [] })
  expect((await finished).status).toBeGreaterThanOrEqual(202)

  const board = await loom('show', id)
  expect(board).toMatch(/^induct +memory +tombstoned/m)
  expect(board).toMatch(/^createPending +identity +undone/m)
  expect(await loom('timeline', id)).toMatch(/SagaStalled[^\n]*\n[\s\S]*OperatorActed retry memory was away by service operator/)
  const recorded = sql`select r.fact from audit.record r join audit.part p on p.record_id = r.id
                        where p.body->'what'->'data'->>'saga_id' = ${id} order by r.fact`
  const facts = [{ fact: 'operator_acted' }, { fact: 'saga_aborted' }, { fact: 'saga_stalled' }]
  await onDatabase((db) => eventually(async () => expect(await many(db, z.object({ fact: z.string() }), recorded)).toEqual(facts)))
  await whole.holds()
})
