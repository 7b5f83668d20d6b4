// Writes of identity that a repeat would do again: once for their Idempotency-Key (identity page §13.3).
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { deadLetter } from '@loomworks/bus'
import { newId } from '@loomworks/kernel'
import { exec, many, one, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { openedBy } from './belonging-story.ts'
import { type Answer, type IdentityBench, identityBench } from './identity-bench.ts'
import { adminGrant } from './roles.ts'
import { type SignedUp, signedUp } from './signing-up.ts'

let bench: IdentityBench
let root: SignedUp
let mailbox: string
let names = 0
beforeAll(async () => {
  mailbox = await mkdtemp(path.join(tmpdir(), 'lw-mail-'))
  bench = await identityBench({ adminUrl: inject('adminUrl'), environment: { MAILBOX_DIR: mailbox } })
  root = await signedUp(bench, { email: 'root@example.org' })
  await adminGrant(bench.db, 'root@example.org')
})
afterAll(() => bench[Symbol.asyncDispose]())

const person = () => signedUp(bench, { email: `once${++names}@example.org` })
const send = ({ session }: SignedUp, url: string, body: object | undefined, key: string) =>
  bench.ask('POST', url, { session, headers: { 'idempotency-key': key }, ...(body !== undefined && { body }) })
const replayed = ({ headers }: Answer) => headers['idempotency-replayed']
const count = async (what: ReturnType<typeof sql>) => (await one(bench.db, z.object({ n: z.int() }), what)).n
const reused = { status: 422, body: { code: 'idempotency.key_reused' } }

test('an agent that is created twice under one key is one, and is told the same', async () => {
  const ada = await person()
  const { id } = await openedBy(bench, ada)
  const create = (name: string, key = 'one') => send(ada, `/engagements/${id}/agents`, { name, purpose: 'Writes.' }, key)
  const first = await create('Scribe')
  const again = await create('Scribe')
  expect([again.status, again.body, replayed(again)]).toEqual([201, first.body, 'true'])
  expect(await create('Clerk')).toMatchObject(reused)
  expect(await create('Scribe', 'two')).toMatchObject({ status: 409, body: { code: 'agent.name_taken' } })
  expect(await create('Clerk', 'two')).toMatchObject({ status: 201 })
  expect(await count(sql`select count(*)::int as n from identity.agents where engagement_id = ${id}`)).toBe(2)
})

test('of twenty who create an agent at once under one key one does, and the others wait or are told the same', async () => {
  const ada = await person()
  const { id } = await openedBy(bench, ada)
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(ada, `/engagements/${id}/agents`, { name: 'Scribe', purpose: 'Writes.' }, 'one')))
  for (const { status, body } of answers) if (status !== 201) expect([status, body.code]).toEqual([409, 'idempotency.in_flight'])
  expect(await count(sql`select count(*)::int as n from identity.agents where engagement_id = ${id}`)).toBe(1)
})

test('an enrolment token is told once: under its key it stays good, and is told again without what opens', async () => {
  const ada = await person()
  await exec(bench.db, sql`update identity.webauthn_credentials set state = 'removed' where person_id = ${ada.personId}`)
  await exec(bench.db, sql`delete from identity.totp_factors where person_id = ${ada.personId}`)
  await exec(bench.db, sql`delete from identity.recovery_codes where person_id = ${ada.personId}`)
  const issue = (key: string) => send(root, `/admin/persons/${ada.personId}/enrolment-token`, undefined, key)
  const first = await issue('one')
  const { token, ...kept } = first.body
  expect([first.status, token]).toEqual([201, expect.stringContaining('lwe_')])
  const again = await issue('one')
  expect([again.status, again.body, replayed(again)]).toEqual([200, kept, 'true'])
  const begun = await bench.ask('POST', '/auth/enrol/begin', { body: {}, headers: { 'x-client-authorization': `Bearer ${token}` } })
  expect(begun.status).toBe(200)
  const rows = await many(bench.db, z.object({ row: z.string() }), sql`select to_jsonb(k)::text as row from identity.idempotency_key k`)
  expect(JSON.stringify(rows)).not.toContain(token)
  expect(await issue('two')).toMatchObject({ status: 201, body: { token: expect.stringContaining('lwe_') } })
})

test('an enrolment that was mailed is mailed once under its key, in place of being refused', async () => {
  const ada = await person()
  const issue = (key: string) => send(root, `/admin/persons/${ada.personId}/enrolment-token`, undefined, key)
  const first = await issue('mailed')
  const again = await issue('mailed')
  expect([first.status, again.status, again.body, replayed(again)]).toEqual([202, 202, first.body, 'true'])
  expect(await issue('mailed again')).toMatchObject({ status: 409, body: { code: 'enrolment.waiting' } })
})

test('a change of address mails one code under its key, and the address is not kept with it', async () => {
  const ada = await person()
  const change = (email: string) => send(ada, '/me/email', { email }, 'one')
  const first = await change('new-once@example.org')
  const again = await change('new-once@example.org')
  expect([first.status, again.status, again.body, replayed(again)]).toEqual([202, 202, first.body, 'true'])
  expect(await change('other-once@example.org')).toMatchObject(reused)
  const letters = async () => {
    const files = (await readdir(mailbox)).filter((name) => name.endsWith('.eml'))
    const texts = await Promise.all(files.map((file) => readFile(path.join(mailbox, file), 'utf8')))
    return texts.filter((text) => text.includes('-once@example.org'))
  }
  await eventually(async () => expect(await letters()).toHaveLength(1))
  expect(await count(sql`select count(*)::int as n from identity.mail_log where person_id = ${ada.personId} and state <> 'sent'`)).toBe(0)
  expect(await letters()).toHaveLength(1)
  const rows = await many(bench.db, z.object({ row: z.string() }), sql`select to_jsonb(k)::text as row from identity.idempotency_key k`)
  expect(JSON.stringify(rows)).not.toContain('example.org')
})

test.each([
  ['redrive', 1n],
  ['discard', 2n],
])('a dead letter is decided once under its key: %s', async (verb, place) => {
  const subject = `evt.identity.3.${newId()}.PersonNamesChanged`
  const dead = { subject, id: newId(), seq: place, headers: {}, data: '{}', deliveries: 6 }
  const { seq } = await bench.platform.bus.publish(deadLetter(dead, { stream: 'EVENTS', service: 'companion', reason: 'exhausted', error: 'x' }))
  const decide = (reason: string) => send(root, `/admin/dead-letters/${seq}/${verb}`, { reason }, `key-${verb}`)
  const first = await decide('the bug is mended')
  const again = await decide('the bug is mended')
  expect([first.status, again.status, again.body, replayed(again)]).toEqual([200, 200, first.body, 'true'])
  expect(await decide('another reason')).toMatchObject(reused)
  expect(await count(sql`select count(*)::int as n from identity.dead_letter_decision where letter = ${String(seq)}`)).toBe(1)
})
