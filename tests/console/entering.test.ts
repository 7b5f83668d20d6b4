// The console as a newcomer meets it, in a real browser on a phone: sign up, be at home, leave, come back.
import { randomUUID } from 'node:crypto'
import { eventually } from '@loomworks/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf } from '../../services/identity/src/signing-up.ts'
import { startWhole, type Whole } from '../whole.ts'
import { browserProgram, launch, NO_BROWSER, type Visitor, visit } from './browser.ts'
import { letterTo, newAddress } from './newcomer.ts'

let whole: Whole
let browser: Browser
beforeAll(async () => {
  if (browserProgram === undefined) return
  ;[whole, browser] = await Promise.all([startWhole(), launch()])
  // The first of all is the administrator, and is none of the newcomers below.
  await whole.admin()
})
afterAll(async () => {
  await browser?.close()
  await whole?.[Symbol.asyncDispose]()
})

async function toPasskey(page: Page, email = newAddress()): Promise<void> {
  await page.goto('/console/')
  await page.getByRole('link', { name: 'Sign up' }).click()
  await page.getByLabel('Your name').fill('Ada Lovelace')
  await page.getByLabel('E-mail address').fill(email)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Create my passkey' }).waitFor()
}

async function toCode(page: Page, email?: string): Promise<string> {
  await toPasskey(page, email)
  await page.getByRole('button', { name: 'Create my passkey' }).click()
  return secretOn(page)
}

async function secretOn(page: Page): Promise<string> {
  await page.getByRole('img', { name: 'Secret for the authenticator app' }).waitFor()
  return (await page.locator('code').first().textContent()) ?? ''
}

async function confirm(page: Page, code: string): Promise<void> {
  await page.getByText('I have stored them').click()
  await page.getByLabel('Code that the app shows').fill(code)
  await page.getByRole('button', { name: 'Finish' }).click()
}

const wrong = (code: string) => (code === '000000' ? '000001' : '000000')

const focusedName = (page: Page) => page.evaluate('document.activeElement.name')

async function signUp({ page }: Visitor, email?: string): Promise<void> {
  await confirm(page, codeOf(await toCode(page, email)))
  await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
}

describe.skipIf(browserProgram === undefined)(`a newcomer (${browserProgram ?? NO_BROWSER})`, () => {
  test('signs up on a phone in under a minute, and every page on the way can be used by everybody', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    const began = Date.now()
    await page.goto('/')
    await page.getByRole('link', { name: 'Sign up' }).waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('welcome')
    await page.getByRole('link', { name: 'Sign up' }).click()
    await page.getByLabel('Your name').fill('Ada Lovelace')
    await page.getByLabel('E-mail address').fill(newAddress())
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('sign-up-about')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Create my passkey' }).waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('sign-up-passkey')
    await page.getByRole('button', { name: 'Create my passkey' }).click()
    const secret = await secretOn(page)
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('sign-up-factors')
    await confirm(page, codeOf(secret))
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(Date.now() - began).toBeLessThan(60_000)
    await page.getByText('You have no credit').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('home')
    expect(visitor.trouble()).toEqual([])
  })

  test('who loads the page again in the middle goes on where they were', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await toPasskey(page)
    await page.reload()
    await page.getByRole('button', { name: 'Create my passkey' }).click()
    const former = await secretOn(page)
    await page.reload()
    await page.getByText('have to be made anew').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await page.getByRole('button', { name: 'Show new ones' }).click()
    const secret = await secretOn(page)
    expect(secret).not.toBe(former)
    await confirm(page, codeOf(secret))
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(visitor.trouble()).toEqual([])
  })

  test('a wrong code is told with what is left, and nothing is lost', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    const secret = await toCode(page)
    await confirm(page, wrong(codeOf(secret)))
    await page.getByText('That is not the code the app shows.').waitFor()
    await page.getByText('4 tries are left').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('sign-up-wrong-code')
    expect(await page.getByLabel('I have stored them').isChecked()).toBe(true)
    expect(await focusedName(page)).toBe('code')
    await page.getByLabel('Code that the app shows').fill(codeOf(secret))
    await page.getByRole('button', { name: 'Finish' }).click()
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(visitor.trouble('/auth/signup/totp-verify')).toEqual([])
  })

  test('a signup that is undone says why, keeps what was typed and is finished by another press', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    const secret = await toCode(page)
    const at = { registration_id: await page.evaluate("sessionStorage.getItem('loomworks.signup')") }
    const pending = { ...at, status_url: '/', events_url: '/', state: 'pending' }
    const now = new Date().toISOString()
    const told = { title: 'A part of Loomworks did not answer in time.', detail: 'Nothing was made. Finish again.' }
    const undone = { ...at, state: 'failed', code: 'signup.timed_out', http_status: 503, ...told, started_at: now, updated_at: now }
    await page.route('**/auth/signup/totp-verify', (route) => route.fulfill({ status: 202, json: pending }))
    await page.route('**/auth/signup/*/events', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: `id: 1\nevent: progress\ndata: ${JSON.stringify(undone)}\n\n` }),
    )
    const code = codeOf(secret)
    await confirm(page, code)
    await page.getByRole('alert').getByText(told.title).waitFor()
    await page.getByText(told.detail).waitFor()
    await page.getByText('signup.timed_out').waitFor()
    expect(await page.getByRole('button', { name: 'Copy the request id' }).count()).toBe(0)
    expect(await page.getByLabel('Code that the app shows').inputValue()).toBe(code)
    expect(await page.locator(':focus').textContent()).toBe('Finish')
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('sign-up-undone')
    await page.unrouteAll()
    await page.getByRole('button', { name: 'Finish' }).click()
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(visitor.trouble()).toEqual([])
  })

  test('an address that has an account is told at the end, and what was typed is kept', async () => {
    const email = newAddress()
    await using first = await visit(browser, whole.url)
    await signUp(first, email)
    await using second = await visit(browser, whole.url)
    const { page } = second
    await confirm(page, codeOf(await toCode(page, email)))
    await page.getByText('This address has an account already.').waitFor()
    expect(await page.getByLabel('E-mail address').inputValue()).toBe(email)
    expect(await second.barriers()).toEqual([])
    await page.getByLabel('E-mail address').fill(newAddress())
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Create my passkey' }).click()
    await confirm(page, codeOf(await secretOn(page)))
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(second.trouble('/auth/signup/totp-verify')).toEqual([])
  })

  test('where the deployment wants the address proven, the code of the letter is asked for', async () => {
    const admin = await whole.admin()
    const set = (value: string) => admin.expect(200, 'PUT', '/admin/settings/signup.email_proof', { value })
    await set('code')
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    const email = newAddress()
    const mailed = async () => /code is ([0-9]{6})/.exec(await letterTo(whole, email))?.[1] ?? ''
    const secret = await eventually(async () => {
      const shown = await toCode(page, email)
      return (await mailed()) === '' ? Promise.reject(new Error('not asked for yet')) : shown
    })
    await confirm(page, codeOf(secret))
    await page.getByText('Your address has to be proven.').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('sign-up-mailed')
    expect(await focusedName(page)).toBe('mailed')
    await page.getByLabel('Code from the letter').fill(await mailed())
    await page.getByLabel('Code that the app shows').fill(wrong(codeOf(secret)))
    await page.getByRole('button', { name: 'Finish' }).click()
    await page.getByText('That is not the code the app shows.').waitFor()
    expect(await page.getByLabel('Code from the letter').inputValue()).toBe(await mailed())
    await page.getByLabel('Code that the app shows').fill(codeOf(secret))
    await page.getByRole('button', { name: 'Finish' }).click()
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    await set('none')
    expect(visitor.trouble('/auth/signup/totp-verify')).toEqual([])
  })

  test('who comes by a claim link has the credit when they are in', async () => {
    const admin = await whole.admin()
    const email = newAddress()
    const grant = { recipient_email: email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000' }
    const { claim_url } = await admin.expect(201, 'POST', '/admin/grants', grant, { 'idempotency-key': randomUUID() })
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await page.goto(new URL(claim_url).pathname + new URL(claim_url).search)
    await page.getByText('You were given credit').waitFor()
    await page.getByLabel('Your name').fill('Bob')
    expect(await page.getByLabel('E-mail address').count()).toBe(0)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Create my passkey' }).click()
    await confirm(page, codeOf(await secretOn(page)))
    await page.getByText('100,000 Sonnet units left').waitFor()
    await page.getByRole('link', { name: 'See all of it' }).click()
    await page.getByRole('heading', { name: 'Sonnet units' }).waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('credit')
    expect(visitor.trouble()).toEqual([])
  })
})

describe.skipIf(browserProgram === undefined)(`a member (${browserProgram ?? NO_BROWSER})`, () => {
  test('names the Companion, keeps a key, sees what happened, leaves and comes back by passkey', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(visitor)
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Its name').fill('Iris')
    await page.getByRole('button', { name: 'Rename your Companion' }).click()
    await page.getByText('It is called Iris now.').waitFor()
    await page.getByRole('textbox', { name: 'Key' }).fill('sk-0123456789abcdef-WXYZ')
    await page.getByRole('button', { name: 'Keep' }).click()
    await page.getByText('WXYZ').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('settings')
    await page.getByRole('link', { name: 'Activity' }).click()
    await page.getByText('A key was stored').waitFor()
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('activity')
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await visitor.withoutAutofill()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor()
    expect(await page.title()).toBe('Sign in – Loomworks')
    expect(await visitor.barriers()).toEqual([])
    await visitor.pictures('sign-in')
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.getByRole('heading', { name: 'Iris is here' }).waitFor()
    expect(await page.title()).toBe('Home – Loomworks')
    expect(visitor.trouble()).toEqual([])
  })

  test('is let in by the passkey that the browser offers, without a press', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(visitor)
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(visitor.trouble()).toEqual([])
  })

  test('is told why the passkey that the browser offers let nobody in, and is offered it anew', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(visitor)
    await page.getByRole('link', { name: 'Settings' }).click()
    const late = {
      type: 'about:blank',
      title: 'The login took too long.',
      status: 401,
      code: 'login.challenge_expired',
      detail: 'Begin again.',
      request_id: 'r',
    }
    const { promise: seen, resolve: see } = Promise.withResolvers<void>()
    let challenges = 0
    await page.route('**/auth/login/passkey/begin', async (route) => {
      challenges += 1
      if (challenges > 1) await seen
      await route.continue()
    })
    await page.route(
      '**/auth/login/passkey/finish',
      (route) => route.fulfill({ status: 401, contentType: 'application/problem+json', body: JSON.stringify(late) }),
      { times: 1 },
    )
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('That took too long.').waitFor()
    expect(await visitor.barriers()).toEqual([])
    see()
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    expect(challenges).toBe(2)
    expect(visitor.trouble('/auth/login/passkey/finish')).toEqual([])
  })

  test('whose session was ended elsewhere is sent to the welcome', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page, context } = visitor
    await signUp(visitor)
    await context.clearCookies()
    await page.goto('/console/credit')
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(visitor.trouble('/me')).toEqual([])
  })

  test('a page that is not there says so', async () => {
    await using visitor = await visit(browser, whole.url)
    await signUp(visitor)
    await visitor.page.goto('/console/nowhere')
    await visitor.page.getByRole('heading', { name: 'There is no such page' }).waitFor()
    expect(await visitor.barriers()).toEqual([])
    expect(visitor.trouble()).toEqual([])
  })
})
