// Each service in a process of its own, under its own role, against URLs: what `npm run service -- <name>` runs.
import { ServiceName } from '@loomworks/kernel'
import { eventually, PersonClient } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { Deployment } from '../deployment.ts'

let deployment: Deployment

beforeAll(async () => {
  deployment = await Deployment.start({ adminUrl: inject('adminUrl') })
}, 90_000)
afterAll(() => deployment?.[Symbol.asyncDispose]())

const person = () => new PersonClient(deployment.urls[0] ?? '')

test('a person signs up over six processes, and each follows', async () => {
  const ada = person()
  await ada.signUp({ email: 'ada@example.org', displayName: 'Ada' })
  expect(await ada.expect(200, 'GET', '/engagements/me')).toMatchObject({ visibility: 'personal' })
  await eventually(async () => {
    const facts = (await ada.expect(200, 'GET', '/me/activity')).items.map(({ fact }: { fact: string }) => fact)
    expect(facts).toEqual(expect.arrayContaining(['person_activated', 'engagement_opened', 'session_opened']))
    expect((await ada.expect(200, 'GET', '/me/credit')).account.status).toBe('active')
  })
})

test('a service that is killed and started again goes on where it was', async () => {
  const [memory] = deployment.processes.filter(({ service }) => service === 'memory')
  await memory?.kill('SIGKILL')
  memory?.start()
  const bob = person()
  await bob.signUp({ email: 'bob@example.org', displayName: 'Bob' })
  await eventually(async () => expect(await bob.expect(200, 'GET', '/engagements/me')).toMatchObject({ visibility: 'personal' }))
})

test('one that is told to stop says so before it does, and goes on answering meanwhile', async () => {
  const gateway = deployment.processes.find(({ service }) => service === 'gateway')
  const stopped = gateway?.kill('SIGTERM')
  const ask = (path: string) => fetch(new URL(path, gateway?.url))
  await eventually(async () => expect((await ask('/readyz')).status).toBe(503))
  const answer = await ask('/openapi.json')
  expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
  expect(await stopped).toBe(0)
})

test('each stops within ten seconds, with exit code 0', async () => {
  const began = performance.now()
  const others = deployment.processes.filter(({ service }) => service !== 'gateway')
  expect(await Promise.all(others.map((each) => each.kill('SIGTERM')))).toEqual(ServiceName.options.slice(1).map(() => 0))
  expect(performance.now() - began).toBeLessThan(10_000)
})
