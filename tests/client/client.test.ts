// @loomworks/client at the real gateway, with the six services behind it.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, isRefused, logIn, type Progress, SignUp, stepUp } from '@loomworks/client'
import { codeShown, eventually, softwarePasskeys } from '@loomworks/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWhole, type Whole } from '../whole.ts'

/** The code of the signup is spent; the next one is taken a step early. */
const ONE_STEP_MS = 30_000
let whole: Whole
beforeAll(async () => {
  whole = await startWhole()
})
afterAll(() => whole[Symbol.asyncDispose]())

async function signedUp(onProgress?: (progress: Progress) => void) {
  const client = new Client({ url: whole.url })
  const passkeys = softwarePasskeys(whole.url)
  const { email, displayName } = whole.newcomer()
  const signUp = await SignUp.begin(client, passkeys, { email, display_name: displayName })
  const factors = await signUp.passkey()
  const entered = await signUp.finish(codeShown(factors.totp.secret, Date.now()), onProgress && { onProgress })
  return { client, passkeys, email, signUp, factors, entered }
}

test('a person signs up, is who they are, leaves and comes back', async () => {
  const { client, passkeys, email, factors, entered } = await signedUp()
  expect(factors.recovery_codes).toHaveLength(10)
  expect(entered.person.email).toBe(email)
  expect((await client.call('showMe')).id).toBe(entered.person.id)
  await client.call('logOut')
  const refused = await client.call('showMe').catch((error: unknown) => error)
  expect(isRefused(refused, 'unauthenticated')).toBe(true)
  await logIn(client, passkeys)
  expect((await client.call('showMe')).email).toBe(email)
})

test('a fresh proof, by passkey or by a code, gives the session another token', async () => {
  const { client, passkeys, factors, entered } = await signedUp()
  const tokens = [client.token]
  await stepUp(client, { passkey: passkeys })
  tokens.push(client.token)
  await stepUp(client, { totp_code: codeShown(factors.totp.secret, Date.now() + ONE_STEP_MS) })
  tokens.push(client.token)
  expect(new Set(tokens).size).toBe(3)
  expect((await client.call('showMe')).id).toBe(entered.person.id)
})

test('after a reload a signup goes on from its id and its secret', async () => {
  const passkeys = softwarePasskeys(whole.url)
  const client = new Client({ url: whole.url })
  const { email, displayName } = whole.newcomer()
  const begun = await client.call('beginSignup', { body: { email, display_name: displayName } })
  const resumed = new SignUp(client, passkeys, begun.registration_id, begun.registration_secret)
  const lost = await resumed.passkey()
  const factors = await new SignUp(client, passkeys, begun.registration_id, begun.registration_secret).renewFactors()
  expect(factors.totp.secret).not.toBe(lost.totp.secret)
  expect((await resumed.finish(codeShown(factors.totp.secret, Date.now()))).person.email).toBe(email)
})

test('a refusal has its code and what the code adds', async () => {
  const client = new Client({ url: whole.url })
  const { email, displayName } = whole.newcomer()
  const signUp = await SignUp.begin(client, softwarePasskeys(whole.url), { email, display_name: displayName })
  await signUp.passkey()
  await expect(signUp.finish('000000')).rejects.toMatchObject({ code: 'totp.invalid', status: 401, problem: { attempts_left: 4 } })
  await expect(new SignUp(client, softwarePasskeys('http://evil.example'), signUp.id, 'wrong').passkey()).rejects.toMatchObject({ code: 'signup.not_found' })
})

test('the progress of a signup is followed to its end, and once more from there', async () => {
  const { client, signUp } = await signedUp()
  const heard = []
  for await (const each of client.follow('followSignup', { params: { registration_id: signUp.id } })) heard.push(each)
  expect(heard.at(-1)?.data).toMatchObject({ registration_id: signUp.id, state: 'completed' })
  const again = client.follow('followSignup', { params: { registration_id: signUp.id } }, { lastEventId: heard.at(-1)?.id ?? '' })
  expect((await again.next()).done).toBe(true)
})

test('a write that is sent twice under one key is done once; lists come whole over many pages', async () => {
  const { client } = await signedUp()
  const params = { engagement: 'me' }
  const add = async (text: string, key: string) => {
    const body = { type: 'assertion', class: 'personal', payload: { kind: 'preference', text } } as const
    const added = await client.call('addMemory', { params, body }, { key })
    return 'id' in added ? added.id : ''
  }
  const first = await add('Tea', 'once')
  expect(await add('Tea', 'once')).toBe(first)
  for (const text of ['Milk', 'Lemon', 'Honey']) await add(text, text)
  await eventually(async () => {
    const seen: string[] = []
    for await (const { id } of client.pages('listMemory', { params, query: { limit: 1 } })) seen.push(id)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toContain(first)
    expect(seen.length).toBeGreaterThanOrEqual(4)
  })
})

test('where a deployment wants the address proven, the signup ends with the code that was mailed', async () => {
  await using proving = await startWhole({ environment: { SETTING_SIGNUP_EMAIL_PROOF: 'code' } })
  const client = new Client({ url: proving.url })
  const { email, displayName } = proving.newcomer()
  const signUp = await SignUp.begin(client, softwarePasskeys(proving.url), { email, display_name: displayName })
  const { totp } = await signUp.passkey()
  const code = codeShown(totp.secret, Date.now())
  await expect(signUp.finish(code)).rejects.toMatchObject({ code: 'email_code.invalid', status: 401 })
  const email_code = await eventually(() => codeIn(proving.instance.home.mailbox))
  const { person } = await signUp.finish(code, { email_code })
  expect(person).toMatchObject({ email, email_verified: true })
})

async function codeIn(mailbox: string): Promise<string> {
  const [letter = ''] = await readdir(mailbox)
  const [, code = ''] = /Your code is (\d+)/.exec(await readFile(join(mailbox, letter), 'utf8')) ?? []
  expect(code).not.toBe('')
  return code
}
