// The console of a member: the ways in are looked after, a session that ends loses nothing, and a lost passkey is no lost account.
import { eventually, type PersonClient } from '@loomworks/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { codeOf } from '../../services/identity/src/signing-up.ts'
import { startWhole, type Whole } from '../whole.ts'
import { AWAY, away } from './away.ts'
import { browserProgram, keysSent, launch, NO_BROWSER, visit } from './browser.ts'
import { asked, letterTo, newAddress, signUp as signUpOn } from './newcomer.ts'

const STEP_MS = 30_000
/** A proof is fresh for five minutes. */
const PROOF_MS = 301_000
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

/** Comes back to the window; true once that led home. */
async function comesBack(page: Page): Promise<boolean> {
  await page.evaluate("dispatchEvent(new Event('visibilitychange'))")
  return new URL(page.url()).pathname === '/console/'
}

/** However late it is. */
async function provenAdmin(): Promise<PersonClient> {
  const admin = await whole.admin()
  await admin.logIn()
  return admin
}

const signUp = (page: Page, name?: string) => signUpOn(page, { lateMs, ...(name !== undefined && { name }) })

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
    const added = page.getByRole('list', { name: 'Passkeys' }).getByRole('listitem').last()
    await added.getByRole('button', { name: /^Rename / }).click()
    await page.getByLabel('What you call it').fill('The key in the drawer')
    await page.getByRole('button', { name: 'Keep the name' }).click()
    await page.getByRole('button', { name: 'Remove The key in the drawer' }).click()
    await page.getByText('The key in the drawer opens nothing any more').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('settings-passkey-removing')
    await page.getByRole('button', { name: 'Remove now: The key in the drawer' }).click()
    await page.getByText('Your only one cannot be removed').waitFor()
    await page.getByRole('button', { name: 'Set up another app' }).click()
    const secret = (await page.getByRole('region', { name: 'Authenticator app' }).locator('code').textContent()) ?? ''
    expect(await visitor.barriers()).toEqual([])
    // Who takes their time is asked for the passkey once more.
    lateMs += PROOF_MS
    await page.getByLabel('Code that the app shows').fill(codeOf(secret, Date.now() + lateMs))
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('button', { name: 'Set up another app' }).waitFor()
    await page.getByRole('button', { name: 'Make new codes' }).click()
    await page.getByText('They are not shown again').waitFor()
    expect(await page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem').count()).toBe(10)
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('settings-codes')
    expect(visitor.trouble('/me/credentials/totp/verify')).toEqual([])
  })

  test('whose session ends while they type signs in again where they are, and nothing typed is lost', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(page)
    await page.getByRole('link', { name: 'Engagements' }).click()
    await page.getByLabel('What it is called').fill('The meadow')
    await asked(page, 'POST', '/me/sessions/revoke-all')
    await page.getByRole('button', { name: 'Open' }).click()
    const ended = page.getByRole('dialog', { name: 'Your session ended' })
    await ended.waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('session-ended')
    // Closed, the page can be read; the next refusal opens it again.
    await page.keyboard.press('Escape')
    await ended.waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Open' }).click()
    await ended.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await ended.waitFor({ state: 'hidden' })
    expect(await page.getByLabel('What it is called').inputValue()).toBe('The meadow')
    await page.getByRole('button', { name: 'Open' }).click()
    await page.getByRole('heading', { name: 'The meadow' }).waitFor()
    expect(visitor.trouble('/engagements', '/me', '/members', '/invitations')).toEqual([])
  })

  test('whose session ends leaves the page where they want to, and nothing of theirs is left to another person', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page, context } = visitor
    await signUp(page)
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Its name').fill('Iris')
    await using other = await visit(browser, whole.url)
    await signUp(other.page, 'Bob')
    await other.page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    await context.addCookies(await other.context.cookies())
    await page.getByRole('button', { name: 'Rename yourself' }).waitFor()
    // Whoever comes back to the window is looked up anew.
    await expect.poll(() => comesBack(page), { timeout: 20_000 }).toBe(true)
    await page.getByText('Hello Bob').waitFor()
    await asked(page, 'POST', '/me/sessions/revoke-all')
    await page.getByRole('link', { name: 'Activity' }).click()
    await page.getByRole('dialog', { name: 'Your session ended' }).getByRole('button', { name: 'Leave this page' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(visitor.trouble('/me', '/me/activity')).toEqual([])
  })

  test('who removes the passkey that let them in has to sign in again', async () => {
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
    await page.getByRole('button', { name: /^Remove now/ }).click()
    await page.getByRole('dialog', { name: 'Your session ended' }).waitFor()
    expect(visitor.trouble('/me/credentials', '/me/sessions', '/me')).toEqual([])
  })

  test('who removes a passkey may end all other sessions with it, and signs out everywhere', async () => {
    await using first = await visit(browser, whole.url)
    const { secret, email, codes } = await signUp(first.page)
    await first.page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    await using second = await visit(browser, whole.url)
    const { page } = second
    await second.withoutAutofill()
    await page.goto('/console/recover')
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Recovery code').fill(codes[0] ?? '')
    lateMs += STEP_MS
    await page.getByLabel('Code that the app shows').fill(codeOf(secret, Date.now() + lateMs))
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Create a new passkey' }).click()
    await page.getByText('9 of 10 are left').waitFor()
    await page.goto('/console/welcome')
    // Back in on the first device, with the passkey that is kept there.
    await first.page.goto('/console/sign-in')
    await first.page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    await page.goto('/console/settings')
    const sessions = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem')
    await sessions.nth(1).waitFor()
    const isNew = page.getByRole('list', { name: 'Passkeys' }).getByRole('listitem').nth(1)
    await isNew.waitFor()
    await page
      .getByRole('button', { name: /^Remove / })
      .first()
      .click()
    await page.getByText('End all my other sessions too').click()
    await page.getByRole('button', { name: /^Remove now/ }).click()
    await page.getByText('Your only one cannot be removed').waitFor()
    await expect.poll(() => sessions.count()).toBe(1)
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(second.trouble()).toEqual([])
  })

  test('changes their address: corrects it, has another letter sent, and confirms with its code', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(page)
    await page.getByRole('link', { name: 'Settings' }).click()
    const card = page.getByRole('region', { name: 'E-mail address' })
    const keys = keysSent(page, ({ pathname }) => pathname === '/me/email')
    const [mistyped, email] = [newAddress(), newAddress()]
    await card.getByLabel('Another address').fill(mistyped)
    await page.route('**/me/email', away, { times: 1 })
    await card.getByRole('button', { name: 'Send a code' }).click()
    await card.getByRole('alert').getByText(AWAY.title).waitFor()
    await card.getByRole('button', { name: 'Send a code' }).click()
    await card.getByText(`A letter went to ${mistyped}.`).waitFor()
    await card.getByRole('button', { name: 'Correct the address' }).click()
    expect(await card.getByLabel('Another address').inputValue()).toBe(mistyped)
    await card.getByLabel('Another address').fill(email)
    await card.getByRole('button', { name: 'Send a code' }).click()
    await card.getByText(`A letter went to ${email}.`).waitFor()
    const codeIn = async (former = '') =>
      eventually(async () => {
        const [, code] = /code is ([0-9]{6})/.exec(await letterTo(whole, email)) ?? []
        if (code === undefined || code === former) throw new Error('no letter so far')
        return code
      })
    const first = await codeIn()
    await card.getByRole('button', { name: 'Send another letter' }).click()
    const second = await codeIn(first)
    await card.getByLabel('Code from the letter').fill(first)
    await card.getByRole('button', { name: 'Confirm' }).click()
    await card.getByText('That is not the code of the last letter.').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('settings-address')
    await card.getByLabel('Code from the letter').fill(second)
    await card.getByRole('button', { name: 'Confirm' }).click()
    await card.getByText('Your address is changed.').waitFor()
    await card.getByText(email).waitFor()
    // Whether the first press came through nobody knew: the second is the same; each of the others is a letter of its own.
    expect(keys).toHaveLength(4)
    expect(new Set(keys).size).toBe(3)
    expect(visitor.trouble('/me/email/verify', '/me/email')).toEqual([])
  })

  test('who has three recovery codes left is told at home and in the settings', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    const few = async (path: string, made: (body: object) => object) =>
      page.route(
        ({ pathname }) => pathname === path,
        async (route) => {
          const answer = await route.fetch()
          await route.fulfill({ response: answer, json: made((await answer.json()) as object) })
        },
      )
    await signUp(page)
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(await page.getByText('recovery codes are left').count()).toBe(0)
    await few('/me', (me) => ({ ...me, recovery_codes_left: 3 }))
    await few('/me/credentials', (kept) => ({ ...kept, recovery_codes: { left: 3 } }))
    await page.reload()
    await page.getByText('3 recovery codes are left.').waitFor()
    await page.getByRole('link', { name: 'Make new ones' }).click()
    await page.getByText('Make new ones before they are used up.').waitFor()
    expect(await visitor.barriers()).toEqual([])
    expect(visitor.trouble()).toEqual([])
  })

  test('is told of a token with which somebody could make their factors anew, and stops it', async () => {
    const admin = await provenAdmin()
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(page)
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    const { id } = z.object({ id: z.string() }).parse(await asked(page, 'GET', '/me'))
    await admin.expect(202, 'POST', `/admin/persons/${id}/enrolment-token`, {})
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('heading', { name: 'A new way into your account' }).waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('settings-enrolment')
    await page.getByRole('button', { name: 'Stop it' }).click()
    await page.getByText('that token opens nothing any more').waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Your Companion' }).waitFor()
    expect(await page.getByRole('heading', { name: 'A new way into your account' }).count()).toBe(0)
    expect(visitor.trouble()).toEqual([])
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
    // A reload, and longer than a proof is fresh, costs no other code.
    await page.reload()
    lateMs += PROOF_MS
    await page.getByRole('button', { name: 'Create a new passkey' }).click()
    await page.getByText('9 of 10 are left').waitFor()
    await first.page.reload()
    await first.page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(second.trouble('/auth/login/recovery', '/auth/login/passkey/begin')).toEqual([])
  })

  test('whose recovery is over before a passkey is made is told so, and begins again', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    const { email, secret, codes } = await signUp(page)
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    await page.goto('/console/recover')
    const entersWith = async (code = '') => {
      lateMs += STEP_MS
      await page.getByLabel('E-mail address').fill(email)
      await page.getByLabel('Recovery code').fill(code)
      await page.getByLabel('Code that the app shows').fill(codeOf(secret, Date.now() + lateMs))
      await page.getByRole('button', { name: 'Continue' }).click()
    }
    await entersWith(codes[0])
    await page.getByRole('button', { name: 'Create a new passkey' }).waitFor()
    await asked(page, 'POST', '/auth/logout')
    await page.getByRole('button', { name: 'Create a new passkey' }).click()
    await page.getByText('Your time to make a passkey is over.').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await page.reload()
    await page.getByLabel('Recovery code').waitFor()
    await entersWith(codes[1])
    await page.getByRole('button', { name: 'Create a new passkey' }).waitFor()
    expect(visitor.trouble('/me/credentials/passkeys/begin')).toEqual([])
  })

  // The last of all: the clock goes on by a day.
  test('who has lost every factor makes new ones with a token of an administrator, a day after it was made', async () => {
    const admin = await provenAdmin()
    await using first = await visit(browser, whole.url)
    const { email } = await signUp(first.page)
    await first.page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    const { id } = z.object({ id: z.string() }).parse(await asked(first.page, 'GET', '/me'))
    await admin.expect(202, 'POST', `/admin/persons/${id}/enrolment-token`, {})
    const token = await eventually(async () => {
      const [found] = /lwe_[A-Za-z0-9_=-]+/.exec((await letterTo(whole, email)).replaceAll('=\r\n', '')) ?? []
      if (found === undefined) throw new Error('no letter so far')
      return found
    })
    await using second = await visit(browser, whole.url)
    const { page } = second
    await page.goto('/console/recover')
    await page.getByRole('link', { name: 'Use a token' }).click()
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Create a new passkey' }).click()
    await page.getByText('It does not work yet.').waitFor()
    expect(await second.barriers()).toEqual([])
    await second.pictures('enrol-waiting')
    lateMs += 24 * 3_600_000
    await page.getByRole('button', { name: 'Create a new passkey' }).click()
    await page.getByRole('img', { name: 'Secret for the authenticator app' }).waitFor()
    expect(await second.barriers()).toEqual([])
    await second.pictures('enrol-factors')
    const secret = (await page.locator('code').first().textContent()) ?? ''
    await page.getByText('I have stored them').click()
    await page.getByLabel('Code that the app shows').fill(codeOf(secret, Date.now() + lateMs))
    await page.getByRole('button', { name: 'Finish' }).click()
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(second.trouble('/auth/enrol/begin')).toEqual([])
  })
})
