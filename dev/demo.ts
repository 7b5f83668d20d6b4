// npm run demo: the first signup as a story, through the gateway of the instance that runs on PORT, with a software authenticator.
// Each step is printed with its time; exit code 0 only when each was seen.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '@loomworks/testing/eventually'
import { PersonClient, Unexpected } from '@loomworks/testing/person-client'
import { announcedUrl } from './home.ts'

const url = announcedUrl(process.env.LOOMWORKS_HOME ?? '.loomworks') ?? `http://localhost:${process.env.PORT ?? '4400'}`
/** What browsers see it under, where that is not where we ask. */
const origin = process.env.PUBLIC_ORIGIN ?? url
const FOLLOWS_WITHIN_MS = 10_000
const run = randomUUID().slice(0, 8)
const ada = { email: `ada.${run}@example.org`, displayName: 'Ada' }
const bob = { email: `bob.${run}@example.org`, displayName: 'Bob' }

async function step<T>(says: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await work()
  console.log(`${`${Math.round(performance.now() - began)} ms`.padStart(9)}  ${says}`)
  return result
}

function seen(what: string, holds: boolean): void {
  if (!holds) throw new Error(`not seen: ${what}`)
}

async function story(): Promise<void> {
  const first = new PersonClient(url, origin)
  await step('Ada signs up: passkey, authenticator app, recovery codes', () => first.signUp(ada))
  const me = await step('She sees who she is', () => first.expect(200, 'GET', '/me'))
  seen('her address and the Companion', me.email === ada.email && me.companion_name === 'Companion')
  await step('An operator makes her an administrator: loom admin grant', () => loom('admin', 'grant', ada.email))
  await step('She names her Companion', async () => {
    await first.expect(200, 'PATCH', '/me/companion-name', { name: 'Iris' })
    seen('the new name', (await first.expect(200, 'GET', '/me')).companion_name === 'Iris')
  })
  await memoryStory(first)
  await creditStory(first)
  await step('She logs out, and her session opens nothing any more', async () => {
    await first.expect(204, 'POST', '/auth/logout')
    seen('the refusal', (await first.ask('GET', '/me')).status === 401)
  })
  await step('She logs in by passkey', async () => {
    await first.logIn()
    seen('herself', (await first.expect(200, 'GET', '/me')).email === ada.email)
  })
}

async function memoryStory(first: PersonClient): Promise<void> {
  const draft = await step('She adds a memory to her personal engagement', () =>
    first.expect(
      201,
      'POST',
      '/engagements/me/memory',
      { type: 'assertion', class: 'personal', payload: { kind: 'preference', text: 'Tea, never coffee.' } },
      { 'idempotency-key': randomUUID() },
    ),
  )
  await step('She commits it', () => first.expect(200, 'POST', `/engagements/me/memory/${draft.id}/commit`, { expected_version: draft.version }))
  await step('She reads it back, and its history', async () => {
    const object = await first.expect(200, 'GET', `/engagements/me/memory/${draft.id}`)
    seen('the text, active', object.payload.text === 'Tea, never coffee.' && JSON.stringify(object.lifetime).includes('Active'))
    const { items } = await first.expect(200, 'GET', `/engagements/me/memory/${draft.id}/history`)
    seen('two versions', items.length === 2)
  })
}

async function creditStory(first: PersonClient): Promise<void> {
  const grant = { recipient_email: bob.email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000' }
  const { claim_token } = await step('She gives Bob credit', () => first.expect(201, 'POST', '/admin/grants', grant))
  const second = new PersonClient(url, origin)
  await step('Bob signs up with the claim token', () => second.signUp({ ...bob, claimToken: claim_token }))
  await step('He sees his credit', async () => {
    const { balances } = await second.expect(200, 'GET', '/me/credit')
    seen('100,000 units', balances[0]?.settled === '100000')
  })
  for (const [name, person] of [
    ['Ada', first],
    ['Bob', second],
  ] as const) {
    await step(`${name}'s activity is recorded and signed`, () => eventually(() => activityIsSeen(person), FOLLOWS_WITHIN_MS))
  }
}

async function activityIsSeen(person: PersonClient): Promise<void> {
  const { items } = await person.expect(200, 'GET', '/me/activity?limit=100')
  const facts = new Set(items.map(({ fact }: { fact: string }) => fact))
  for (const fact of ['person_activated', 'credential_added', 'membership_granted', 'engagement_opened', 'memory_recorded', 'session_opened'])
    seen(fact, facts.has(fact))
}

async function loom(...args: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '..', 'tools', 'loom', 'main.ts'), ...args])
}

try {
  await step('The instance is ready', async () => seen('ready', (await fetch(new URL('/readyz', url))).status === 200))
  await story()
  console.log('Everything was seen.')
} catch (error) {
  console.error(error instanceof Unexpected || error instanceof Error ? error.message : error)
  process.exitCode = 1
}
