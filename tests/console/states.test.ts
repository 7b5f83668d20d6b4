// Every page in each of its states, against the real services: on its way, empty, full, failed. In each of them everybody can use it, nothing is
// told that a person does not see, and the keyboard comes to every control.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { INSIDE, ONWARD, OUTSIDE } from '../../console/src/app/routes.ts'
import { startWhole, type Whole } from '../whole.ts'
import { AWAY, away } from './away.ts'
import { browserProgram, keysSent, launch, NO_BROWSER, type Visitor, visit } from './browser.ts'
import { missedByKeyboard } from './keyboard.ts'
import { Made } from './made.ts'
import { signUp } from './newcomer.ts'
import { PLACES, type Place } from './places.ts'

/** The code of a page, which the browser fetches when the page is first gone to. */
const OWN_CODE = /^\/console\/assets\/page-[^/]+\.js$/

let whole: Whole
let browser: Browser
let made: Made
const visitors = new Map<Place['who'], Visitor>()
beforeAll(async () => {
  if (browserProgram === undefined) return
  ;[whole, browser] = await Promise.all([startWhole(), launch()])
  for (const who of ['operator', 'nobody'] as const) visitors.set(who, await visit(browser, whole.url))
  // The first person of an instance has the roles admin and ops.
  const { page, context } = visitorAs('operator')
  const { email } = await signUp(page)
  await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
  // What is made is made beside the page that is looked at.
  const beside = await context.newPage()
  await beside.goto('/console/welcome')
  // A page in the background is painted once a second.
  await page.bringToFront()
  made = new Made(whole, beside, email)
  await visitorAs('nobody').withoutAutofill()
})
afterAll(async () => {
  for (const visitor of visitors.values()) await visitor[Symbol.asyncDispose]()
  await browser?.close()
  await whole?.[Symbol.asyncDispose]()
})

function visitorAs(who: Place['who']): Visitor {
  const visitor = visitors.get(who)
  if (visitor === undefined) throw new Error(`nobody goes as ${who}`)
  return visitor
}

/** What nobody should have to put up with on the page as it stands. */
async function flaws({ page, barriers }: Visitor): Promise<readonly string[]> {
  const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  return [...(await barriers()), ...(await missedByKeyboard(page)), ...(Number(wide) > 0 ? [`it is ${wide} px wider than a phone`] : [])]
}

interface Visit {
  readonly visitor: Visitor
  readonly page: Page
  readonly place: Place
  readonly name: string
}

/** One visit of a place; whatever goes wrong unseen meanwhile fails it, but for what `meant` says. */
async function visiting(address: string, state: string, look: (visit: Visit) => Promise<void>, meant?: RegExp): Promise<void> {
  const place = PLACES[address]
  if (place === undefined) throw new Error(`${address} has no states`)
  const visitor = visitorAs(place.who)
  const before = visitor.trouble().length
  await look({ visitor, page: visitor.page, place, name: `state-${place.pictured}-${state}` })
  // What is still on its way ends here, and is nobody else's.
  await visitor.page.goto('about:blank')
  const trouble = visitor.trouble().slice(before)
  expect(trouble.filter((each) => !meant?.test(each))).toEqual([])
}

function asksIn({ asks = OWN_CODE }: Place): (url: URL) => boolean {
  return ({ pathname }) => asks.test(pathname)
}

/** The alert that says what went wrong; gives the text that its button copies. */
async function toldAway(page: Page): Promise<string> {
  const alert = page.getByRole('alert').filter({ hasText: AWAY.title }).first()
  await alert.getByText(AWAY.detail).waitFor()
  await alert.getByText(AWAY.code).waitFor()
  await alert.getByRole('button', { name: 'Copy the request id' }).click()
  await alert.getByText('Copied').waitFor()
  return String(await page.evaluate('navigator.clipboard.readText()'))
}

test('no page is left out, and none is named that is not there', () => {
  expect(Object.keys(PLACES).sort()).toEqual([...Object.keys(OUTSIDE), ...Object.keys(INSIDE)].sort())
})

describe.skipIf(browserProgram === undefined)(`where there is nothing so far (${browserProgram ?? NO_BROWSER})`, () => {
  test.each(Object.keys(PLACES))('%s says what will stand there, or what to do', (address) =>
    visiting(address, 'empty', async ({ visitor, page, place, name }) => {
      const { emptied } = place
      if (emptied !== undefined) await page.route(asksIn(place), (route) => route.fulfill({ json: emptied }))
      await page.goto(await place.address(made))
      await page.getByText(place.empty).first().waitFor()
      expect(await flaws(visitor)).toEqual([])
      await visitor.pictures(name)
      await page.unrouteAll()
    }),
  )

  test.each(Object.entries(ONWARD))('%s leads on to %s', async (from, to) => {
    const { page } = visitorAs('operator')
    await page.goto(from)
    await page.waitForURL(`**${to}`)
  })
})

describe.skipIf(browserProgram === undefined)(`where there is something (${browserProgram ?? NO_BROWSER})`, () => {
  beforeAll(() => made?.fill())

  test.each(Object.keys(PLACES))('%s shows it', (address) =>
    visiting(address, 'full', async ({ visitor, page, place, name }) => {
      await page.goto(await place.address(made))
      await page.getByText(place.full).first().waitFor()
      expect(await flaws(visitor)).toEqual([])
      await visitor.pictures(name)
    }),
  )

  test.each(Object.keys(PLACES))('%s says that it is on its way, and then is there', (address) =>
    visiting(address, 'loading', async ({ visitor, page, place }) => {
      const { promise: released, resolve: release } = Promise.withResolvers<void>()
      await page.route(asksIn(place), (route) => released.then(() => route.continue()))
      await page.goto(await place.address(made), { waitUntil: 'commit' })
      await page.getByRole('status').getByText('Loading').first().waitFor()
      expect(await flaws(visitor)).toEqual([])
      release()
      await page.getByText(place.full).first().waitFor()
      await page.unrouteAll({ behavior: 'wait' })
    }),
  )

  const asking = Object.keys(PLACES).filter((address) => PLACES[address]?.asks !== undefined)
  test.each(asking)('%s says what is wrong where a service is away, and comes with another try', (address) =>
    visiting(
      address,
      'error',
      async ({ visitor, page, place, name }) => {
        await page.route(asksIn(place), away)
        await page.goto(await place.address(made))
        expect(await toldAway(page)).toBe(AWAY.request_id)
        expect(await flaws(visitor)).toEqual([])
        await visitor.pictures(name)
        await page.unrouteAll({ behavior: 'wait' })
        await page.getByRole('button', { name: 'Try again' }).first().click()
        await page.getByText(place.full).first().waitFor()
      },
      /status of 503/,
    ),
  )

  const silent = Object.keys(PLACES).filter((address) => PLACES[address]?.asks === undefined)
  test.each(silent)('%s says so where not even the page comes, and comes with another try', (address) =>
    visiting(
      address,
      'error',
      async ({ visitor, page, place, name }) => {
        await page.route(asksIn(place), (route) => route.abort('connectionrefused'))
        await page.goto(await place.address(made))
        await page.getByRole('alert').getByText('Loomworks does not answer.').waitFor()
        expect(await flaws(visitor)).toEqual([])
        await visitor.pictures(name)
        await page.unrouteAll({ behavior: 'wait' })
        await page.getByRole('button', { name: 'Try again' }).click()
        await page.getByText(place.full).first().waitFor()
      },
      /CONNECTION_REFUSED|dynamically imported module/,
    ),
  )

  const typing = Object.keys(PLACES).filter((address) => PLACES[address]?.form !== undefined)
  test.each(typing)('%s keeps what was typed where a service is away, works on it once at a time, and can be sent again', (address) =>
    visiting(
      address,
      'form',
      async ({ visitor, page, place }) => {
        const { form } = place
        if (form === undefined) return
        const sends = ({ pathname }: URL) => form.sends.test(pathname)
        await page.goto(await place.address(made))
        await page.getByText(place.full).first().waitFor()
        await form.types(page, made)
        const keys = keysSent(page, sends)
        const { promise: released, resolve: release } = Promise.withResolvers<void>()
        await page.route(sends, (route) =>
          (route.request().method() === 'GET') === (form.reads ?? false) ? released.then(() => away(route)) : route.continue(),
        )
        const button = page.getByRole('button', { name: form.press, exact: true })
        await button.click()
        await expect.poll(() => button.isDisabled()).toBe(true)
        release()
        expect(await toldAway(page)).toBe(AWAY.request_id)
        if (form.keeps !== undefined) expect(await page.getByLabel(form.keeps[0]).inputValue()).toBe(form.keeps[1])
        expect(await flaws(visitor)).toEqual([])
        await page.unrouteAll({ behavior: 'wait' })
        await button.click()
        await page.getByText(form.again).first().waitFor()
        if (form.isKeyed) expect(new Set(keys)).toEqual(new Set([expect.any(String)]))
      },
      /status of 503|status of 40[01349]|status of 422/,
    ),
  )
})
