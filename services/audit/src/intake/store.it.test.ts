import { SessionOpened } from '@loomworks/contracts'
import { draftOf } from '@loomworks/foray'
import { newId } from '@loomworks/kernel'
import { one, sql } from '@loomworks/sql'
import type { ServiceBench } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { auditBench } from '../audit-bench.ts'
import { type Arriving, storeRecords } from './store.ts'

let bench: ServiceBench
beforeAll(async () => {
  bench = await auditBench(inject('adminUrl'))
})
afterAll(() => bench[Symbol.asyncDispose]())

const AT = '2030-01-02T03:04:05.678Z'
const MANY = 2000
const Scanned = z.object({ rows: z.bigint() })
const scanned = sql`select seq_tup_read as rows from pg_stat_xact_user_tables where schemaname = 'audit' and relname = 'record'`

test('a predecessor is found without a look at all that is stored', async () => {
  const personId = newId<'person'>()
  const chain = Array.from({ length: MANY }, (_, n) => sessionOpened(personId, n + 1))
  const { db } = bench.database
  await db.transaction((tx) => storeRecords(tx, chain))
  await db.transaction(async (tx) => {
    const before = await one(tx, Scanned, scanned)
    await storeRecords(tx, [sessionOpened(personId, MANY + 1)])
    expect(await one(tx, Scanned, scanned)).toEqual(before)
  })
})

function sessionOpened(personId: ReturnType<typeof newId<'person'>>, revision: number): Arriving {
  const messageId = newId()
  const data = { personId, sessionId: newId<'session'>(), amr: ['passkey' as const], newDevice: false }
  const around = { correlationId: messageId, causationId: messageId, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }
  const event = { type: SessionOpened.name, v: 1, at: AT, actor: { kind: 'person', id: personId } as const, entity: personId, ...around, data }
  const draft = draftOf({ event, data, messageId, service: 'identity', recordedAt: AT })
  if (draft === undefined) throw new Error('a session that is opened makes a record')
  return { draft, messageId, entityHash: Buffer.from(personId), revision, prevRevision: revision > 1 ? revision - 1 : undefined }
}
