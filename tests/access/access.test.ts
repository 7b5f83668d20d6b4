// Ways in and what guards them, through the gateway of a whole deployment: what only the way through both can break.
import { outboxRowOf } from '@loomworks/bus'
import { AccountStatusDecided } from '@loomworks/contracts'
import { newId } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { eventually, PersonClient, SoftwareAuthenticator } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { z } from 'zod'
import { startWhole, type Whole } from '../whole.ts'

let whole: Whole
let admin: PersonClient
beforeAll(async () => {
  whole = await startWhole()
  admin = await whole.admin()
})
afterAll(() => whole[Symbol.asyncDispose]())

let next = 0
interface Member {
  readonly client: PersonClient
  readonly authenticator: SoftwareAuthenticator
  readonly id: string
  readonly email: string
}

async function member(): Promise<Member> {
  const authenticator = new SoftwareAuthenticator({ origin: new URL(whole.url).origin })
  const client = new PersonClient(whole.url, undefined, authenticator)
  const email = `access${++next}@example.org`
  await client.signUp({ email, displayName: 'Ada' })
  return { client, authenticator, email, id: (await client.expect(200, 'GET', '/me')).id }
}

const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` })
const look = (client: PersonClient, token: string | undefined) => client.ask('GET', '/me', undefined, bearer(token))

async function steppedUp({ client, authenticator }: Member): Promise<string> {
  const { challenge_id, options } = await client.expect(200, 'POST', '/auth/step-up/begin', { level: 'passkey' })
  const { session } = await client.expect(200, 'POST', '/auth/step-up/finish', { challenge_id, credential: authenticator.authenticate(options) })
  return session.token
}

test('a step-up gives a new token; the old one opens the same session for a while', async () => {
  const ada = await member()
  const token = await steppedUp(ada)
  expect(token).not.toBe(ada.client.token)
  for (const each of [token, ada.client.token]) expect(await look(ada.client, each)).toMatchObject({ status: 200, body: { id: ada.id } })
})

test('all sessions end everywhere when one says so', async () => {
  const ada = await member()
  const first = ada.client.token
  await ada.client.logIn()
  for (const token of [first, ada.client.token]) expect(await look(ada.client, token)).toMatchObject({ status: 200 })
  expect(await ada.client.expect(200, 'POST', '/me/sessions/revoke-all')).toEqual({ revoked: 2 })
  for (const token of [first, ada.client.token]) await eventually(async () => expect(await look(ada.client, token)).toMatchObject({ status: 401 }))
})

test('a lock is felt by who holds a session, and lifted', async () => {
  const ada = await member()
  await admin.logIn()
  expect(await look(ada.client, ada.client.token)).toMatchObject({ status: 200 })
  await admin.expect(200, 'POST', `/admin/persons/${ada.id}/lock`, { reason: 'ticket 4711' })
  await eventually(async () => expect(await look(ada.client, ada.client.token)).toMatchObject({ status: 401 }))
  await admin.expect(200, 'POST', `/admin/persons/${ada.id}/unlock`)
  await ada.client.logIn()
  expect(await look(ada.client, ada.client.token)).toMatchObject({ status: 200 })
})

/** What credit decides of an account, as it tells it. */
async function decided(data: Omit<z.input<typeof AccountStatusDecided.schema>, 'decisionId' | 'reason'>): Promise<void> {
  const [cause, at] = [newId(), new Date().toISOString()]
  const stating = { at, actor: { kind: 'service', id: 'credit' }, correlationId: cause, causationId: cause, traceparent: childTrace() } as const
  const said = { ...data, decisionId: newId<'decision'>(), reason: 'window' }
  const { id, subject, headers, data: text } = outboxRowOf({ type: AccountStatusDecided, data: said, cause }, stating)
  await whole.instance.platform.bus.publish({ subject, id, headers: { ...headers, 'message-id': id }, data: text })
}

test('who is suspended meets it within a second in the session they have, sees their account, and is let back', async () => {
  const { client, id: personId } = await member()
  const memories = () => client.ask('GET', '/engagements/me/memory')
  expect(await memories()).toMatchObject({ status: 200 })
  const began = performance.now()
  await decided({ personId, seq: 1, from: 'active', to: 'suspended' })
  await eventually(async () => expect(await memories()).toMatchObject({ status: 403, body: { code: 'account_suspended' } }))
  expect(performance.now() - began).toBeLessThan(1000)
  expect(await client.ask('GET', '/me')).toMatchObject({ status: 200, body: { account_status: 'suspended' } })
  await decided({ personId, seq: 2, from: 'suspended', to: 'active' })
  await eventually(async () => expect(await memories()).toMatchObject({ status: 200 }))
})

test('a role that was taken opens nothing any more', async () => {
  const ada = await member()
  await admin.logIn()
  await admin.expect(204, 'PUT', `/admin/persons/${ada.id}/roles/support`)
  await eventually(async () => expect(await ada.client.ask('GET', '/admin/persons')).toMatchObject({ status: 200 }))
  await admin.expect(204, 'DELETE', `/admin/persons/${ada.id}/roles/support`)
  await eventually(async () => expect(await ada.client.ask('GET', '/admin/persons')).toMatchObject({ status: 403, body: { code: 'auth.role_missing' } }))
})

test('an enrolment token passes as bearer, and waits', async () => {
  const ada = await member()
  await admin.logIn()
  const issued = await admin.ask('POST', `/admin/persons/${ada.id}/enrolment-token`)
  expect(issued).toMatchObject({ status: 202, body: { usable_from: expect.any(String) } })
  expect(await ada.client.expect(200, 'GET', '/me/enrolment')).toMatchObject(issued.body)
  const none = { authorization: `Bearer lwe_${'x'.repeat(43)}_000000` }
  expect(await ada.client.ask('POST', '/auth/enrol/begin', {}, none)).toMatchObject({ status: 404, body: { code: 'enrolment.unknown' } })
  await ada.client.expect(204, 'DELETE', '/me/enrolment')
})

test('after all this the invariants hold', () => whole.holds())
