// The console of an operator: find a saga, understand it, repair it; and what lies among the dead letters.
import type { Clock } from '@loomworks/kernel'
import { type Database, exec, many, openDatabase, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { proven } from '../signup/ceremony.ts'
import { startWhole, type Whole } from '../whole.ts'
import { AWAY, away } from './away.ts'
import { browserProgram, keysSent, launch, NO_BROWSER, type Visitor, visit } from './browser.ts'
import { deadFact } from './dead-facts.ts'
import { signUp as signUpOn } from './newcomer.ts'

const DEADLINE_MS = 31_000
const STALL_MS = 61_000

let whole: Whole
let browser: Browser
let operator: Visitor
/** What the operator was refused on purpose, by the ends of the addresses. */
const meant: (string | RegExp)[] = []
let aheadMs = 0
const jumping: Clock = { now: () => Date.now() + aheadMs }
const steady: Clock = { now: () => Date.now() }

beforeAll(async () => {
  if (browserProgram === undefined) return
  ;[whole, browser] = await Promise.all([startWhole({ clockOf: (service) => (service === 'identity' ? jumping : steady) }), launch()])
  // The first person of an instance has the roles admin and ops.
  operator = await visit(browser, whole.url)
  await signUp(operator.page)
})
afterAll(async () => {
  await operator?.[Symbol.asyncDispose]()
  await browser?.close()
  await whole?.[Symbol.asyncDispose]()
})

async function signUp(page: Page): Promise<void> {
  await signUpOn(page)
  await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
}

async function onDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const db = openDatabase({ url: whole.instance.adminUrl, max: 2, applicationName: 'stories', onError: () => undefined })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

/** Waits until the list of sagas says this of one; past the services, which do not trust a clock that is far ahead. */
function listedAs(id: string, expected: { readonly state?: string; readonly overlay?: readonly string[] }): Promise<void> {
  const Row = z.object({ state: z.string(), overlay: z.array(z.string()) })
  const row = sql`select state, overlay from identity.saga_open where saga_id = ${id}`
  return onDatabase((db) => eventually(async () => expect(await many(db, Row, row)).toMatchObject([expected])))
}

/** The signup that has begun last and waits for memory. */
async function waitingForMemory(): Promise<string> {
  const Row = z.object({ saga_id: z.string() })
  const row = sql`select saga_id from identity.saga_open where state = 'running' and step = 'induct' order by started_at desc limit 1`
  return onDatabase((db) => eventually(async () => Row.parse((await many(db, Row, row))[0]).saga_id))
}

/** The bus forgets what it had taken for memory. */
function loseCommands(): Promise<void> {
  return onDatabase(async (db) => {
    const lost = sql`delete from bus.delivery d using bus.message m where m.seq = d.seq and m.subject like 'saga.cmd.memory.%' returning d.seq`
    await expect.poll(() => many(db, z.object({ seq: z.bigint() }), lost)).not.toEqual([])
    await exec(db, sql`delete from bus.message where subject like 'saga.cmd.memory.%'`)
  })
}

describe.skipIf(browserProgram === undefined)(`an operator (${browserProgram ?? NO_BROWSER})`, () => {
  test('finds a saga that completed, by hand and by address, looks at it step by step and replays it', async () => {
    const { page } = operator
    const person = whole.newcomer()
    await person.signUp()
    await page.getByRole('link', { name: 'Operations' }).click()
    await page.getByRole('heading', { name: 'Sagas' }).waitFor()
    await page.getByText('No saga is under way').waitFor()
    expect(await operator.barriers()).toEqual([])
    await page.getByRole('link', { name: 'All', exact: true }).click()
    await page.getByLabel('Definition').selectOption('signup')
    await page.getByRole('list', { name: 'All sagas' }).getByText('Completed').nth(1).waitFor()
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-sagas')

    await page.getByLabel('Id or e-mail address').fill(person.email)
    await page.getByLabel('Reason').fill('asked for it by ticket 12')
    await page.getByRole('button', { name: 'Find' }).click()
    await page.getByText('One saga belongs to this address').waitFor()
    expect(page.url()).not.toContain('example.org')
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-found')
    await page.getByRole('list', { name: 'Found' }).getByRole('link').click()
    await page.getByRole('heading', { name: 'Saga signup' }).waitFor()
    await page.getByText('It has ended').waitFor()
    await page.getByText('No return from here', { exact: true }).waitFor()
    const board = page.getByRole('region', { name: 'Compensation board' })
    expect(await board.getByText('Applied').count()).toBeGreaterThan(2)

    // By the keyboard alone: the first event is one key away, and each next one more.
    const scrubber = page.getByRole('slider')
    await scrubber.press('Home')
    const asItStood = page.getByRole('region', { name: 'As it stood' })
    await asItStood.getByText('It was asked for.').waitFor()
    await scrubber.press('ArrowRight')
    await asItStood.getByText('createPending is sent.').waitFor()
    await asItStood.getByText('What this event changed').click()
    await asItStood.getByText('Waiting').waitFor()
    await page.getByRole('button', { name: 'Replay' }).click()
    await page.getByText('decisions, each as it was').waitFor()
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-saga')

    // Each of its ids is one click from what else belongs to it; a person's is looked up with a reason.
    const personId = (await page.getByRole('region', { name: 'How it stands' }).getByRole('link').first().textContent()) ?? ''
    await page.getByRole('link', { name: personId }).click()
    expect(await operator.barriers()).toEqual([])
    await page.getByLabel('Reason').fill('asked for it by ticket 12')
    await page.getByRole('button', { name: 'Find' }).click()
    await page.getByText('belongs to this person').waitFor()
    await page.getByRole('list', { name: 'Found' }).getByRole('link').click()
    await page.getByRole('region', { name: 'How it stands' }).getByRole('link').last().click()
    await page.getByText('belongs to this trace').waitFor()
    expect(operator.trouble(...meant)).toEqual([])
  })

  test('compares two points of a saga, and two sagas, under an address that can be shared', async () => {
    const { page } = operator
    await whole.newcomer().signUp()
    await page.goto('/console/operations/sagas?show=all')
    const sagas = page.getByRole('list', { name: 'All sagas' }).getByRole('link')
    await sagas.nth(1).waitFor()
    const other = (await sagas.nth(1).locator('code').textContent()) ?? ''
    await sagas.first().click()
    await page.getByLabel('After event', { exact: true }).fill('0')
    await page.getByLabel('And after event').fill('1')
    await page.getByRole('button', { name: 'Compare' }).click()
    const compared = page.getByRole('region', { name: 'Compare' })
    await compared.getByText('between event 0 and event 1').waitFor()
    await compared.getByText('"requested" → "running"').waitFor()
    await page.getByLabel('After event', { exact: true }).fill('')
    await page.getByLabel('And after event').fill('')
    await page.getByLabel('Of another saga').fill(other)
    await page.getByRole('button', { name: 'Compare' }).click()
    await compared.getByRole('link', { name: 'the other' }).waitFor()
    await compared.getByText('/ids/personId').waitFor()
    await page.reload()
    await compared.getByText('/ids/personId').waitFor()
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-compared')
    await page.goBack()
    await compared.getByText('between event 0 and event 1').waitFor()
    expect(operator.trouble(...meant)).toEqual([])
  })

  test('repairs one that stalled: sees what a retry would do, gives a reason, and watches it end', async () => {
    const { page } = operator
    const registration = await proven(whole.url, whole.newcomer())
    await whole.instance.part('memory').stop()
    const finished = registration.finish()
    const id = await waitingForMemory()
    aheadMs = DEADLINE_MS
    await listedAs(id, { state: 'compensating' })
    aheadMs += STALL_MS
    await listedAs(id, { overlay: ['stalled'] })
    aheadMs = 0
    await loseCommands()
    await whole.instance.part('memory').start()

    await page.getByRole('link', { name: 'Operations' }).click()
    await page.getByRole('link', { name: 'Stalled' }).click()
    await page.getByRole('link', { name: id }).click()
    await page.getByText('It waits for an operator at the undo of induct').waitFor()
    await page.getByText('● Live').waitFor()
    // Off the net it says so, and follows on when it is back.
    await page.getByText('All of the state').waitFor()
    meant.push(/ERR_INTERNET_DISCONNECTED/)
    await operator.context.setOffline(true)
    await page.getByText('▲ Offline').waitFor()
    await operator.context.setOffline(false)
    await page.getByText('● Live').waitFor()
    // So it does where the line ends while the saga is open.
    const isLine = ({ pathname }: URL) => /^\/admin\/sagas\/[^/]+\/events$/.test(pathname)
    let ended = 0
    await page.route(isLine, (route) => {
      ended += 1
      return route.fulfill({ contentType: 'text/event-stream', body: '' })
    })
    await operator.context.setOffline(true)
    await page.getByText('▲ Offline').waitFor()
    await operator.context.setOffline(false)
    await expect.poll(() => ended, { timeout: 20_000 }).toBeGreaterThan(1)
    await page.getByText('▲ Offline').waitFor()
    await page.unroute(isLine)
    await operator.context.setOffline(true)
    await operator.context.setOffline(false)
    await page.getByText('● Live').waitFor()
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-stalled')
    // From here on by the keyboard alone.
    await page.getByRole('button', { name: 'Retry' }).press('Enter')
    await page.getByLabel('Reason').fill('memory was away')
    await page.getByRole('button', { name: 'Show what it would do' }).press('Enter')
    await page.getByText('The undo of induct is sent').last().waitFor()
    await page.getByText(`${id}/induct/undo/`).last().waitFor()
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-dry-run')
    await listedAs(id, { overlay: ['stalled'] })
    await page.getByRole('button', { name: 'Retry it now' }).press('Enter')
    // Nobody loads the page again: what follows is told live.
    await page.getByText('It has ended').waitFor()
    expect(await page.locator(':focus').textContent()).toBe('Done: retry.')
    await page.getByText('retry, “memory was away”').waitFor()
    await page.getByText('Because of saga.').or(page.getByText('Because of signup.')).waitFor()
    await listedAs(id, { state: 'aborted', overlay: [] })
    expect((await finished).status).toBeGreaterThanOrEqual(202)
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-repaired')
    expect(operator.trouble(...meant)).toEqual([])
  })

  test('looks at a dead letter, has it handled once more, and lets another lie', async () => {
    const { page } = operator
    for (const seq of [7n, 8n, 9n]) await deadFact(whole, seq)
    await page.getByRole('link', { name: 'Operations' }).click()
    await page.getByRole('link', { name: 'Dead letters' }).click()
    const letters = page.getByRole('list', { name: 'Dead letters' }).getByRole('link')
    await letters.nth(1).waitFor()
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-dead-letters')
    await letters.first().click()
    await page.getByText('It fits its contract.').waitFor()
    await page.getByLabel('Reason').fill('the bug is mended')
    await page.getByRole('button', { name: 'Show what a redrive would send' }).click()
    await page.getByText('It would go out again as').waitFor()
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-dead-letter')
    // Pressed once more, where nobody knows what became of the first press, it is done once.
    const keys = keysSent(page, ({ pathname }) => /\/(?:redrive|discard)$/.test(pathname))
    meant.push('/redrive', '/discard')
    await page.route('**/redrive', away, { times: 1 })
    await page.getByRole('button', { name: 'Redrive it now' }).click()
    await page.getByRole('alert').getByText(AWAY.title).waitFor()
    await page.getByRole('button', { name: 'Redrive it now' }).click()
    await page.getByText('Noted: redriven').waitFor()
    await page.getByRole('link', { name: 'Dead letters' }).click()
    await letters.nth(1).click()
    await page.getByLabel('Reason').fill('nobody needs it')
    await page.route('**/discard', away, { times: 1 })
    await page.getByRole('button', { name: 'Discard' }).click()
    await page.getByRole('button', { name: 'Discard now' }).click()
    await page.getByRole('alert').getByText(AWAY.title).waitFor()
    await page.getByRole('button', { name: 'Discard now' }).click()
    await page.getByText('Noted: discarded').waitFor()
    const [redriven, redrivenAgain, discarded, discardedAgain] = keys
    expect([redrivenAgain, discardedAgain, keys.length]).toEqual([redriven, discarded, 4])
    expect(discarded).not.toBe(redriven)
    expect(operator.trouble(...meant)).toEqual([])
  })

  test('edits a dead letter before it is handled once more, and is told what its readers would not take', async () => {
    const { page } = operator
    await page.getByRole('link', { name: 'Dead letters' }).click()
    await page.getByRole('list', { name: 'Dead letters' }).getByRole('link').nth(2).click()
    await page.getByLabel('Reason').fill('the field was renamed')
    await page.getByRole('button', { name: 'Edit it first' }).click()
    const message = page.getByLabel('The message as it goes out')
    const original = await message.inputValue()
    await message.fill(`${original},`)
    await page.getByText('This is no JSON object.').waitFor()
    expect(await page.getByRole('button', { name: 'Show what a redrive would send' }).isDisabled()).toBe(true)
    await message.fill(original.replace('"companion_name"', '"shoe_size"'))
    await page.getByRole('button', { name: 'Show what a redrive would send' }).click()
    await page.getByText('dlq.edit_invalid').waitFor()
    await page.getByRole('list', { name: 'What does not fit' }).getByText('/data/fields/0').waitFor()
    meant.push('/redrive')
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-dead-letter-refused')
    await message.fill(original.replace('"companion_name"', '"display_name"'))
    await page.getByRole('button', { name: 'Show what a redrive would send' }).click()
    await page.getByText('It would go out again, as edited,').waitFor()
    await page.getByRole('button', { name: 'Redrive it now' }).click()
    await page.getByText('Noted: redriven').waitFor()
    await page.getByRole('list', { name: 'Decisions' }).getByText('Redriven, edited,').waitFor()
    expect(await operator.barriers()).toEqual([])
    await operator.pictures('operations-dead-letter-edited')
    expect(operator.trouble(...meant)).toEqual([])
  })

  test('goes through hundreds of dead letters page by page, of which only those in sight cost anything', async () => {
    const { page } = operator
    for (let seq = 100n; seq < 320n; seq++) await deadFact(whole, seq)
    await page.goto('/console/operations/dead-letters')
    const rows = page.getByRole('list', { name: 'Dead letters' }).locator('li')
    const more = page.getByRole('button', { name: 'Show more' })
    for (;;) {
      await rows.first().waitFor()
      const there = await rows.count()
      if (there >= 220) break
      await more.click()
      await expect.poll(() => rows.count()).toBeGreaterThan(there)
    }
    const painted = "[...document.querySelectorAll('main li')].filter((row) => row.firstElementChild.checkVisibility({ contentVisibilityAuto: true })).length"
    await eventually(async () => {
      const inSight = Number(await page.evaluate(painted))
      expect(inSight).toBeGreaterThan(0)
      expect(inSight).toBeLessThan(100)
    })
    expect(operator.trouble(...meant)).toEqual([])
  })

  test('whoever has no such role is offered none of it, and is refused where they go by its address', async () => {
    await using visitor = await visit(browser, whole.url)
    const { page } = visitor
    await signUp(page)
    expect(await page.getByRole('link', { name: 'Operations' }).count()).toBe(0)
    await page.goto('/console/operations')
    await page.getByText('auth.scope_missing').first().waitFor()
    expect(await visitor.barriers()).toEqual([])
    expect(visitor.trouble('/admin/sagas', '/admin/sagas/stats', '/admin/sagas?open=true')).toEqual([])
  })

  test('the address that password managers know shows the passkeys', async () => {
    const { page } = operator
    const answer = await page.request.get('/.well-known/passkey-endpoints')
    const { manage } = z.object({ manage: z.string() }).parse(await answer.json())
    await page.goto(new URL(manage).pathname)
    await page.getByRole('heading', { name: 'Settings' }).waitFor()
    // Scrolled to them, on a phone too.
    await eventually(async () => {
      const { y = -1 } = (await page.getByRole('heading', { name: 'Passkeys' }).boundingBox()) ?? {}
      expect(y).toBeGreaterThanOrEqual(0)
      expect(y).toBeLessThan(400)
    })
    expect(operator.trouble(...meant)).toEqual([])
  })
})
