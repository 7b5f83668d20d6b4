// Who belongs where, as people live it at the gateway with all six services behind it.
import { eventually, type PersonClient } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWhole, type Whole } from '../whole.ts'

let whole: Whole
beforeAll(async () => {
  whole = await startWhole()
})
afterAll(() => whole[Symbol.asyncDispose]())

const claim = (text: string, extra: object = {}) => ({ type: 'assertion', class: 'operational', payload: { kind: 'fact', text }, ...extra })

async function person(): Promise<PersonClient> {
  const newcomer = whole.newcomer()
  await newcomer.signUp()
  return newcomer.client
}

/** Asks with an agent's token, as the agent's own program does. */
function agentClient(token: string) {
  // biome-ignore lint/suspicious/noExplicitAny: a story looks into bodies of every shape.
  return async (method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: any }> => {
    const answer = await fetch(`${whole.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: answer.status === 204 ? undefined : await answer.json() }
  }
}

/** An engagement that Ada has opened, once identity knows that she runs it. */
async function opened(ada: PersonClient): Promise<{ readonly id: string; readonly number: string }> {
  const { body } = await ada.ask('POST', '/engagements', { title: 'Bread' })
  await eventually(async () => expect((await ada.ask('GET', `/engagements/${body.id}/members`)).status).toBe(200))
  return { id: body.id, number: body.display_identifier }
}

async function joined(ada: PersonClient, bob: PersonClient, id: string, designations: readonly string[]): Promise<string> {
  const { token } = (await ada.ask('POST', `/engagements/${id}/invitations`, { designations })).body
  whole.canaries.push(token)
  const { status, body } = await bob.ask('POST', '/invitations/accept', { token })
  expect(status).toBe(200)
  return body.membership.id
}

test('two people work in an engagement that one of them opened, until one of them is out', async () => {
  const [ada, bob] = [await person(), await person()]
  const { id, number } = await opened(ada)
  expect((await bob.ask('GET', `/engagements/${number}`)).status).toBe(404)
  const his = await joined(ada, bob, id, ['contributor'])
  const draft = (await bob.ask('POST', `/engagements/${number}/memory`, claim('Flour'))).body
  expect((await bob.ask('POST', `/engagements/${id}/memory/${draft.id}/commit`, { expected_version: 1 })).body.code).toBe('memory.commit_authority_required')
  expect((await ada.ask('PUT', `/engagements/${id}/members/${his}/commit-authority`, { value: true })).status).toBe(200)
  await eventually(async () => expect((await bob.ask('GET', `/engagements/${id}`)).body.my).toEqual({ designations: ['contributor'], commit_authority: true }))
  expect((await bob.ask('POST', `/engagements/${id}/memory/${draft.id}/commit`, { expected_version: 1 })).status).toBe(200)
  expect((await ada.ask('DELETE', `/engagements/${id}/members/${his}`)).status).toBe(204)
  await eventually(async () => expect((await bob.ask('GET', `/engagements/${id}`)).status).toBe(404))
  expect((await bob.ask('POST', `/engagements/${id}/memory`, claim('Salt'))).status).toBe(404)
  expect((await ada.ask('DELETE', `/engagements/${id}/members/${(await ada.ask('GET', `/engagements/${id}/members`)).body.items[0].id}`)).body.code).toBe(
    'membership.last_operator',
  )
  expect((await ada.ask('POST', `/engagements/${id}/archive`)).body.state).toBe('archived')
  expect((await ada.ask('POST', `/engagements/${id}/memory`, claim('Salt'))).body.code).toBe('memory.engagement_not_writable')
})

test('an agent reads and writes where it belongs, commits what is not its own, and is out when its token ends', async () => {
  const ada = await person()
  const { id } = await opened(ada)
  const other = await opened(ada)
  const agent = (await ada.ask('POST', `/engagements/${id}/agents`, { name: 'Scribe', purpose: 'Writes down what was said.' })).body
  const given = (await ada.ask('POST', `/agents/${agent.id}/tokens`, { scopes: ['memory.read', 'memory.write', 'memory.commit'] })).body
  whole.canaries.push(given.token)
  const scribe = agentClient(given.token)
  const written = await scribe('POST', `/engagements/${id}/memory`, claim('It was said that bread rises.'))
  expect(written).toMatchObject({
    status: 201,
    body: { actor: { kind: 'agent', id: agent.id, instruction_version: 1 }, lifetime: { k: 'Drafted' }, trust: 'untrusted' },
  })
  expect(await scribe('POST', `/engagements/${id}/memory/${written.body.id}/commit`, { expected_version: 1 })).toMatchObject({ status: 403 })
  const hers = (await ada.ask('POST', `/engagements/${id}/memory`, claim('Yeast'))).body
  expect(await scribe('POST', `/engagements/${id}/memory/${hers.id}/commit`, { expected_version: 1 })).toMatchObject({ status: 200 })
  expect((await scribe('POST', `/engagements/${id}/memory`, claim('mine', { class: 'personal' }))).body.code).toBe('memory.personal_needs_person')
  for (const path of [`/engagements/${other.id}`, '/engagements/me', '/engagements/E0002']) expect((await scribe('GET', path)).status).toBe(404)
  for (const [method, path] of [
    ['GET', '/me'],
    ['GET', `/engagements/${id}/agents`],
    ['POST', '/engagements'],
  ] as const)
    expect((await scribe(method, path, method === 'POST' ? { title: 'Mine' } : undefined)).body.code).toBe('auth.actor_refused')
  expect((await ada.ask('DELETE', `/agents/${agent.id}/tokens/${given.id}`)).status).toBe(204)
  await eventually(async () => expect(await scribe('GET', `/engagements/${id}`)).toMatchObject({ status: 401, body: { code: 'token_refused' } }))
})

test('an agent is out when it rests, and when who answers for it leaves', async () => {
  const [ada, bob] = [await person(), await person()]
  const { id } = await opened(ada)
  await joined(ada, bob, id, ['operator'])
  const agent = (await ada.ask('POST', `/engagements/${id}/agents`, { name: 'Scribe', purpose: 'Writes.' })).body
  const { token } = (await ada.ask('POST', `/agents/${agent.id}/tokens`, { scopes: ['memory.read'] })).body
  const look = () => agentClient(token)('GET', `/engagements/${id}`)
  expect((await look()).status).toBe(200)
  await bob.ask('PATCH', `/agents/${agent.id}`, { state: 'disabled' })
  await eventually(async () => expect((await look()).status).toBe(401))
  await bob.ask('PATCH', `/agents/${agent.id}`, { state: 'active' })
  await eventually(async () => expect((await look()).status).toBe(200))
  const { items } = (await ada.ask('GET', `/engagements/${id}/members`)).body
  const { id: me } = (await ada.ask('GET', '/me')).body
  const hers = items.find(({ principal }: { principal: { id: string } }) => principal.id === me).id
  expect((await ada.ask('DELETE', `/engagements/${id}/members/${hers}`)).status).toBe(204)
  await eventually(async () => expect((await look()).status).toBe(401))
})

test('after all this every invariant holds', () => whole.holds())
