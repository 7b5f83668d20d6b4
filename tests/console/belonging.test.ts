// The console of a member: the ways in are looked after, work is shared, and a lost passkey is no lost account.
import { randomUUID } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf } from '../../services/identity/src/signing-up.ts'
import { startWhole, type Whole } from '../whole.ts'
import { browserProgram, launch, NO_BROWSER, visit } from './browser.ts'

const STEP_MS = 30_000
let whole: Whole
let browser: Browser
let lateMs = 0
beforeAll(async () => {
  if (browserProgram === undefined) return
  const clock = { now: () => Date.now() + lateMs }
  ;[whole, browser] = await Promise.all([startWhole({ clockOf: () => clock }), launch()])
  await whole.admin()
})
afterAll(async () => {
  await browser?.close()
  await whole?.[Symbol.asyncDispose]()
})

interface Member {
  readonly email: string
  readonly secret: string
  readonly codes: readonly string[]
}

async function signUp(page: Page, name = 'Ada'): Promise<Member> {
  const email = `${randomUUID().slice(0, 8)}@example.org`
  await page.goto('/console/sign-up')
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

describe.skipIf(browserProgram === undefined)(`a member (${browserProgram ?? NO_BROWSER})`, () => {
  test('adds a passkey, removes one, sets up another app and makes new codes', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(page)
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByText('Your only one cannot be removed').waitFor()
    await visitor.anotherDevice()
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page
      .getByRole('button', { name: /^Remove / })
      .first()
      .waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('settings-passkeys')
    // With the first one the session it opened would end.
    await page
      .getByRole('button', { name: /^Remove / })
      .last()
      .click()
    await page.getByText('Your only one cannot be removed').waitFor()
    await page.getByRole('button', { name: 'Set up another app' }).click()
    const secret = (await page.getByRole('region', { name: 'Authenticator app' }).locator('code').textContent()) ?? ''
    expect(await visitor.barriers()).toEqual([])
    await page.getByLabel('Code that the app shows').fill(codeOf(secret, Date.now() + lateMs))
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('button', { name: 'Set up another app' }).waitFor()
    await page.getByRole('button', { name: 'Make new codes' }).click()
    await page.getByText('They are not shown again').waitFor()
    expect(await page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem').count()).toBe(10)
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('settings-codes')
    expect(visitor.trouble()).toEqual([])
  })

  test('who removes the passkey that let them in is outside', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(page)
    await page.getByRole('link', { name: 'Settings' }).click()
    await visitor.anotherDevice()
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page
      .getByRole('button', { name: /^Remove / })
      .first()
      .click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(visitor.trouble('/me/credentials', '/me/sessions', '/me')).toEqual([])
  })

  test('gets back in by app and recovery code, and makes a new passkey', async () => {
    await using first = await visit(browser, whole.url)
    const { email, secret, codes } = await signUp(first.page)
    await first.page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    await using second = await visit(browser, whole.url)
    const { page } = second
    await second.withoutAutofill()
    await page.goto('/console/welcome')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: /Get back in/ }).click()
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Recovery code').fill(codes[0] ?? '')
    await page.getByLabel('Code that the app shows').fill('000000')
    expect(await second.barriers()).toEqual([])
    await second.pictures('recover')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('That does not fit together.').waitFor()
    // A code works once, and the one of the signup is used: the next one is half a minute later.
    lateMs += STEP_MS
    await page.getByLabel('Code that the app shows').fill(codeOf(secret, Date.now() + lateMs))
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Create a new passkey' }).waitFor()
    expect(await second.barriers()).toEqual([])
    await page.getByRole('button', { name: 'Create a new passkey' }).click()
    await page.getByText('9 of 10 are left').waitFor()
    await first.page.reload()
    await first.page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(second.trouble('/auth/login/recovery', '/auth/login/passkey/begin')).toEqual([])
  })

  test('opens an engagement, invites somebody by a link, and they join or leave', async () => {
    await using host = await visit(browser, whole.url)
    await signUp(host.page, 'Ada')
    await host.page.getByRole('link', { name: 'Engagements' }).click()
    await host.page.getByLabel('What it is called').fill('The garden')
    await host.page.getByRole('button', { name: 'Open' }).click()
    await host.page.getByRole('heading', { name: 'The garden' }).waitFor()
    await host.page.getByRole('button', { name: 'Invite' }).click()
    const link = (await host.page.getByText('Send this link').locator('code').textContent()) ?? ''
    expect(await host.barriers()).toEqual([])
    await host.pictures('engagement')
    await using guest = await visit(browser, whole.url)
    await guest.page.goto(link.replace(new URL(link).origin, ''))
    await guest.page.getByRole('link', { name: 'Sign up' }).click()
    await guest.page.waitForURL('**/sign-up')
    await signUpHere(guest.page)
    await guest.page.getByRole('heading', { name: 'You are invited' }).waitFor()
    expect(await guest.barriers()).toEqual([])
    await guest.pictures('invitation')
    await guest.page.getByRole('button', { name: 'Join' }).click()
    await guest.page.getByRole('heading', { name: 'The garden' }).waitFor()
    await guest.page.getByText('Bob (you)').waitFor()
    expect(await guest.barriers()).toEqual([])
    await guest.page.getByRole('link', { name: 'Engagements' }).click()
    await guest.page.getByRole('link', { name: 'The garden' }).waitFor()
    expect(await guest.barriers()).toEqual([])
    await guest.pictures('engagements')
    // Who opened it is a member a moment later, and until then there is nothing to see.
    expect(host.trouble('/members', '/invitations')).toEqual([])
    expect(guest.trouble()).toEqual([])
  })
})

/** Signs up on the page as it stands, without going anywhere first. */
async function signUpHere(page: Page): Promise<void> {
  await page.getByLabel('Your name').fill('Bob')
  await page.getByLabel('E-mail address').fill(`${randomUUID().slice(0, 8)}@example.org`)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Create my passkey' }).click()
  await page.getByRole('img', { name: 'Secret for the authenticator app' }).waitFor()
  const secret = (await page.locator('code').first().textContent()) ?? ''
  await page.getByText('I have stored them').click()
  await page.getByLabel('Code that the app shows').fill(codeOf(secret, Date.now() + lateMs))
  await page.getByRole('button', { name: 'Finish' }).click()
}
