// F14: the bus loses messages that it had acknowledged, as a broker may in a power cut. Nothing is lost with them.
import { PostgresBus, republish } from '@loomworks/bus'
import { exec, many, openDatabase, sql } from '@loomworks/sql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startWhole, type Whole } from '../whole.ts'
import { proven } from './ceremony.ts'

let whole: Whole
beforeAll(async () => {
  whole = await startWhole()
})
afterAll(() => whole[Symbol.asyncDispose]())

async function onDatabase<T>(work: (db: ReturnType<typeof openDatabase>) => Promise<T>): Promise<T> {
  const db = openDatabase({ url: whole.instance.adminUrl, max: 2, applicationName: 'lost', onError: () => undefined })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

test('F14: lost commands of a saga are sent again, and the signup completes', async () => {
  const registration = await proven(whole.url, whole.newcomer())
  await whole.instance.part('memory').stop()
  const finished = registration.finish()
  await onDatabase(async (db) => {
    await expect
      .poll(() =>
        many(
          db,
          z.object({ seq: z.bigint() }),
          sql`delete from bus.delivery d using bus.message m where m.seq = d.seq and m.subject like 'saga.cmd.memory.%' returning d.seq`,
        ),
      )
      .not.toEqual([])
    await exec(db, sql`delete from bus.message where subject like 'saga.cmd.memory.%'`)
  })
  await whole.instance.part('memory').start()
  expect([200, 202]).toContain((await finished).status)
  await whole.holds()
  expect(await registration.progress()).toMatchObject({ state: 'completed' })
})

test('F14: lost facts are published again from the outbox, and count once for whoever has heard them', async () => {
  const from = new Date(Date.now() - 1000).toISOString()
  await whole.instance.part('companion').stop()
  const { client, signUp } = whole.newcomer()
  await signUp()
  const { id } = await client.expect(200, 'GET', '/me')
  await onDatabase(async (db) => {
    const profiles = () => many(db, z.object({ person_id: z.string() }), sql`select person_id from companion.profile where person_id = ${id}`)
    await expect
      .poll(() => many(db, z.object({ seq: z.bigint() }), sql`delete from bus.delivery where durable like 'companion-%' returning seq`))
      .not.toEqual([])
    await whole.instance.part('companion').start()
    expect(await profiles()).toEqual([])

    const bus = new PostgresBus({ db, onTrouble: () => undefined })
    expect(await republish({ db, bus, service: 'identity', from, dryRun: true })).toBeGreaterThan(5)
    expect(await republish({ db, bus, service: 'identity', from })).toBeGreaterThan(5)
    await expect.poll(profiles).toEqual([{ person_id: id }])
    await bus.drain(1000)
  })
  await whole.holds()
})
