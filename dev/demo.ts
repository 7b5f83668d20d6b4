// npm run demo: the first signup as a story, through the gateway of the instance that runs on PORT, with a software authenticator.
// Each step is printed with its time; exit code 0 only when each was seen.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Authenticator, Client, isRefused, logIn, Refused, SignUp } from '@loomworks/client'
import { codeShown } from '@loomworks/testing/authenticator-app'
import { eventually } from '@loomworks/testing/eventually'
import { softwarePasskeys } from '@loomworks/testing/software-passkeys'
import { announcedUrl } from './home.ts'

const url = announcedUrl(process.env.LOOMWORKS_HOME ?? '.loomworks') ?? `http://localhost:${process.env.PORT ?? '4400'}`
/** What browsers see it under, where that is not where we ask. */
const origin = process.env.PUBLIC_ORIGIN ?? url
const FOLLOWS_WITHIN_MS = 10_000
/** A limit of the gateway that ends within a minute is waited for. */
const PATIENCE_MS = 65_000
const run = randomUUID().slice(0, 8)
const ada = person('Ada')
const bob = person('Bob')

interface Person {
  readonly name: string
  readonly email: string
  readonly client: Client
  readonly passkeys: Authenticator
}

function person(name: string): Person {
  const email = `${name.toLowerCase()}.${run}@example.org`
  return { name, email, client: new Client({ url, patienceMs: PATIENCE_MS }), passkeys: softwarePasskeys(origin) }
}

async function signUp({ client, passkeys, email, name }: Person, claim_token?: string): Promise<void> {
  const begun = await SignUp.begin(client, passkeys, { email, display_name: name })
  const { totp } = await begun.passkey()
  await begun.finish(codeShown(totp.secret, Date.now()), claim_token === undefined ? {} : { claim_token })
}

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
  const { client } = ada
  await step('Ada signs up: passkey, authenticator app, recovery codes', () => signUp(ada))
  const me = await step('She sees who she is', () => client.call('showMe'))
  seen('her address and the Companion', me.email === ada.email && me.companion_name === 'Companion')
  await step('An operator makes her an administrator: loom admin grant', () => loom('admin', 'grant', ada.email))
  await step('She names her Companion', async () => {
    await client.call('nameCompanion', { body: { name: 'Iris' } })
    seen('the new name', (await client.call('showMe')).companion_name === 'Iris')
  })
  await memoryStory(client)
  await creditStory(client)
  await step('She logs out, and her session opens nothing any more', async () => {
    const { token } = client
    await client.call('logOut')
    const refused = await new Client({ url, ...(token !== undefined && { token }) }).call('showMe').catch((error: unknown) => error)
    seen('the refusal', isRefused(refused, 'token_refused', 'session_expired'))
  })
  await step('She logs in by passkey', async () => {
    await logIn(client, ada.passkeys)
    seen('herself', (await client.call('showMe')).email === ada.email)
  })
}

async function memoryStory(client: Client): Promise<void> {
  const params = { engagement: 'me' }
  const draft = await step('She adds a memory to her personal engagement', async () => {
    const payload = { kind: 'preference', text: 'Tea, never coffee.' } as const
    const added = await client.call('addMemory', { params, body: { type: 'assertion', class: 'personal', payload } })
    if ('items' in added) throw new Error('one memory was added, and several came back')
    return added
  })
  const object = { ...params, object: draft.id }
  await step('She commits it', () => client.call('commitMemory', { params: object, body: { expected_version: draft.version } }))
  await step('She reads it back, and its history', async () => {
    const { payload, lifetime } = await client.call('showMemory', { params: object })
    seen('the text, active', JSON.stringify(payload).includes('Tea, never coffee.') && JSON.stringify(lifetime).includes('Active'))
    seen('two versions', (await client.call('showMemoryHistory', { params: object })).items.length === 2)
  })
}

async function creditStory(admin: Client): Promise<void> {
  const grant = { recipient_email: bob.email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000' } as const
  const { claim_token } = await step('She gives Bob credit', () => admin.call('issueGrant', { body: grant }))
  seen('the token to claim it with', claim_token !== undefined)
  await step('Bob signs up with the claim token', () => signUp(bob, claim_token))
  await step('He sees his credit', async () => {
    const { balances } = await bob.client.call('myCredit')
    seen('100,000 units', balances[0]?.settled === '100000')
  })
  for (const each of [ada, bob]) {
    await step(`${each.name}'s activity is recorded and signed`, () => eventually(() => activityIsSeen(each.client), FOLLOWS_WITHIN_MS))
  }
}

async function activityIsSeen(client: Client): Promise<void> {
  const facts = new Set<string>()
  for await (const { fact } of client.pages('myActivity')) facts.add(fact)
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
  console.error(error instanceof Refused ? `${error.code}: ${error.message} ${error.detail}` : error instanceof Error ? error.message : error)
  process.exitCode = 1
}
