// Signing up by hand, calling the API as whoever is signed in in the browser, and reading the letters of an instance.
import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { codeOf } from '../../services/identity/src/signing-up.ts'
import type { Whole } from '../whole.ts'

export interface Member {
  readonly email: string
  readonly secret: string
  readonly codes: readonly string[]
}

export const newAddress = () => `${randomUUID().slice(0, 8)}@example.org`

interface SigningUp {
  readonly name?: string
  /** By how much the services are ahead. */
  readonly lateMs?: number
}

/** Goes to the page and signs up. */
export async function signUp(page: Page, how: SigningUp = {}): Promise<Member> {
  await page.goto('/console/sign-up')
  return signUpHere(page, how)
}

/** Signs up on the page as it stands. */
export async function signUpHere(page: Page, { name = 'Ada', lateMs = 0 }: SigningUp = {}): Promise<Member> {
  const email = newAddress()
  await page.getByLabel('Your name').fill(name)
  await page.getByLabel('E-mail address').fill(email)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Create my passkey' }).click()
  await page.getByRole('img', { name: 'Secret for the authenticator app' }).waitFor()
  const [secret = '', ...codes] = await page.locator('code').allTextContents()
  await page.getByText('I have stored them').click()
  await page.getByLabel('Code that the app shows').fill(codeOf(secret, Date.now() + lateMs))
  await page.getByRole('button', { name: 'Finish' }).click()
  return { email, secret, codes }
}

/** The answer of the API to whoever is signed in on the page; throws for a problem. */
export async function asked(page: Page, method: string, path: string, body?: unknown): Promise<unknown> {
  const { status, text } = await page.evaluate(
    async ({ method, path, body, key }) => {
      const headers = { 'idempotency-key': key, ...(body !== undefined && { 'content-type': 'application/json' }) }
      const answer = await fetch(path, { method, headers, ...(body !== undefined && { body }) })
      return { status: answer.status, text: await answer.text() }
    },
    { method, path, body: body === undefined ? undefined : JSON.stringify(body), key: randomUUID() },
  )
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** The newest letter to an address in the mailbox of the instance; empty where there is none yet. */
export async function letterTo({ instance }: Whole, email: string): Promise<string> {
  const files = (await readdir(instance.home.mailbox)).filter((name) => name.endsWith('.eml')).sort()
  const letters = await Promise.all(files.map((name) => readFile(join(instance.home.mailbox, name), 'utf8')))
  return letters.findLast((text) => text.includes(`To: ${email}`)) ?? ''
}
