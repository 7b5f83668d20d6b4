// Fifty persons are imported while the processes that adopt them are killed again and again: each has one personal engagement, and nobody half of one.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, many, one, openDatabase, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { Deployment } from '../deployment.ts'

const PERSONS = 50
const ADOPTED_WITHIN_MS = 120_000
const Count = z.object({ count: z.int() })
const Adopted = z.object({ state: z.string(), memberships: z.int(), numbers: z.array(z.int()), opened: z.int() })

let deployment: Deployment
let db: Database
beforeAll(async () => {
  deployment = await Deployment.start({ adminUrl: inject('adminUrl') })
  db = openDatabase({ url: deployment.adminUrl, max: 2, applicationName: 'test', onError: () => undefined })
})
afterAll(async () => {
  await db?.close()
  await deployment?.[Symbol.asyncDispose]()
})

const counted = async (statement: ReturnType<typeof sql>) => (await one(db, Count, statement)).count
/** How far the adoptions are, step by step, as the fences of the participants say. */
const FENCED = {
  induct: sql`select count(*)::int as count from memory.saga_fence where step = 'induct'`,
  commonsJoin: sql`select count(*)::int as count from identity.saga_fence where step = 'commonsJoin'`,
  attach: sql`select count(*)::int as count from identity.saga_fence where step = 'attach'`,
}

test('50 persons imported, with a kill -9 in each step, have one personal engagement each', { timeout: 300_000 }, async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'lw-import-')), 'people.jsonl')
  writeFileSync(file, Array.from({ length: PERSONS }, (_, n) => JSON.stringify({ email: `i${n}@example.org`, display_name: `Person ${n}` })).join('\n'))
  const importing = deployment.loom('persons', 'import', file, '--json')
  for (const [step, victim] of [
    ['induct', 'memory'],
    ['commonsJoin', 'identity'],
    ['attach', 'identity'],
  ] as const) {
    const before = await counted(FENCED[step])
    await eventually(async () => expect((await counted(FENCED[step])) > before || (await waiting()) === 0).toBe(true), ADOPTED_WITHIN_MS)
    await Promise.all(
      deployment.processes
        .filter(({ service }) => service === victim)
        .map(async (each) => {
          await each.kill('SIGKILL')
          each.start()
          await each.ready()
        }),
    )
  }
  expect(JSON.parse(await importing)).toEqual({ imported: PERSONS, known: 0, waiting: 0 })
  const persons = await many(
    db,
    Adopted,
    sql`select p.state,
               (select count(*)::int from identity.memberships m where m.principal_id = p.id and m.active) as memberships,
               array(select m.operator_sequence_number from identity.memberships m where m.principal_id = p.id order by 1) as numbers,
               (select count(*)::int from memory.engagement_v1 e where e.owner = p.id and e.state = 'active') as opened
          from identity.persons p
         where p.imported_at is not null`,
  )
  expect(persons).toHaveLength(PERSONS)
  for (const each of persons) expect(each).toEqual({ state: 'active', memberships: 2, numbers: [1, 2], opened: 1 })
  expect(JSON.parse(await deployment.loom('persons', 'import', file, '--json'))).toEqual({ imported: 0, known: PERSONS, waiting: 0 })
})

async function waiting(): Promise<number> {
  return counted(sql`select count(*)::int as count from identity.persons where imported_at is not null and personal_engagement_id is null`)
}
