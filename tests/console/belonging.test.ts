// The console of a member: work is shared with others, and with agents.

import { eventually } from '@loomworks/testing'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startWhole, type Whole } from '../whole.ts'
import { browserProgram, launch, NO_BROWSER, visit } from './browser.ts'
import { asked, signUp, signUpHere } from './newcomer.ts'

let whole: Whole
let browser: Browser
beforeAll(async () => {
  if (browserProgram === undefined) return
  ;[whole, browser] = await Promise.all([startWhole(), launch()])
  await whole.admin()
})
afterAll(async () => {
  await browser?.close()
  await whole?.[Symbol.asyncDispose]()
})

describe.skipIf(browserProgram === undefined)(`a member (${browserProgram ?? NO_BROWSER})`, () => {
  test('opens an engagement, invites somebody by a link, and they join or leave', async () => {
    await using host = await visit(browser, whole.url)
    await signUp(host.page, { name: 'Ada' })
    await host.page.getByRole('link', { name: 'Engagements' }).click()
    await host.page.getByLabel('What it is called').fill('The garden')
    await host.page.getByRole('button', { name: 'Open' }).click()
    await host.page.getByRole('heading', { name: 'The garden' }).waitFor()
    expect(await host.page.title()).toBe('Engagement – Loomworks')
    await host.page.getByRole('button', { name: 'Invite' }).click()
    const link = (await host.page.getByRole('status').filter({ hasText: 'Send this link' }).locator('code').textContent()) ?? ''
    expect(await host.barriers()).toEqual([])
    await host.pictures('engagement')
    await using guest = await visit(browser, whole.url)
    await guest.page.goto(link.replace(new URL(link).origin, ''))
    await guest.page.getByRole('link', { name: 'Sign up' }).click()
    await guest.page.waitForURL('**/sign-up')
    await signUpHere(guest.page, { name: 'Bob' })
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

  test('looks after the members of an engagement: what each is, who may commit, who leaves', async () => {
    await using host = await visit(browser, whole.url)
    const { page } = host
    await signUp(page, { name: 'Ada' })
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    const opened = z.object({ id: z.string() }).parse(await asked(page, 'POST', '/engagements', { title: 'The orchard' }))
    const invitation = () => asked(page, 'POST', `/engagements/${opened.id}/invitations`, { designations: ['contributor'] })
    const { token } = z.object({ token: z.string() }).parse(await eventually(invitation))
    await using guest = await visit(browser, whole.url)
    await signUp(guest.page, { name: 'Bob' })
    await guest.page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    await asked(guest.page, 'POST', '/invitations/accept', { token })
    await page.goto(`/console/engagements/${opened.id}`)

    // The last operator can neither step down nor leave, and is told why.
    await page.getByRole('button', { name: 'Change your part' }).click()
    await page.getByText('Contributor reads and adds drafts').click()
    await page.getByText('Operator, Contributor, may commit').waitFor()
    await page.getByText('Operator decides who belongs').click()
    await page.getByText('An engagement does not lose its last operator.').waitFor()
    expect(await host.barriers()).toEqual([])
    await host.pictures('engagement-last-operator')
    await page.getByRole('button', { name: 'Leave this engagement' }).click()
    await page.getByRole('button', { name: 'Leave now: this engagement' }).click()
    await page.getByText('An engagement does not lose its last operator.').nth(1).waitFor()
    await page.getByRole('button', { name: 'Change your part' }).click()

    await page.getByRole('button', { name: 'Change Bob' }).click()
    await page.getByText('May commit makes drafts').click()
    await page.getByText('Contributor, may commit').last().waitFor()
    await page.getByText('Operator decides who belongs').click()
    await page.getByText('Operator, Contributor, may commit').nth(1).waitFor()
    expect(await host.barriers()).toEqual([])
    await host.pictures('engagement-changing')
    await page.getByText('Operator decides who belongs').click()
    await page.getByRole('button', { name: 'Remove Bob' }).click()
    await page.getByRole('button', { name: 'Remove now: Bob' }).click()
    await expect.poll(() => page.getByRole('list', { name: 'Members' }).getByRole('listitem').count()).toBe(1)
    expect(host.trouble('/designations/operator', /\/members\/[^/]+$/, '/members', '/invitations')).toEqual([])
  })

  test('lets an agent in: creates it, gives it a token once, lets it rest, and ends it', async () => {
    await using host = await visit(browser, whole.url)
    const { page } = host
    await signUp(page, { name: 'Ada' })
    await page.getByRole('heading', { name: 'Companion is here' }).waitFor()
    const { id } = z.object({ id: z.string() }).parse(await asked(page, 'POST', '/engagements', { title: 'The greenhouse' }))
    await page.goto(`/console/engagements/${id}`)
    await page.getByRole('link', { name: 'Agents' }).click()
    await page.getByLabel('Name').fill('Gardener')
    await page.getByLabel('What it is for').fill('Waters at night')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByText('It has no token, so it cannot get in.').waitFor()
    await page.getByRole('button', { name: 'Make a token for Gardener' }).click()
    await page.getByText('Commit makes drafts of others').click()
    expect(await host.barriers()).toEqual([])
    await host.pictures('agents-issuing')
    await page.getByRole('button', { name: 'Make it' }).click()
    const token = await page.getByRole('status').filter({ hasText: 'it is not shown again' }).locator('code').textContent()
    const reads = () => fetch(`${whole.url}/engagements/${id}/memory`, { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status)
    await eventually(async () => expect(await reads()).toBe(200))
    await page.getByText('Read, commit; ends in 90 days').waitFor()
    expect(await host.barriers()).toEqual([])
    await host.pictures('agents-token')
    await page.getByRole('button', { name: 'Let it rest: Gardener' }).click()
    await page.getByText('At rest').waitFor()
    await eventually(async () => expect(await reads()).toBe(401))
    await page.getByRole('button', { name: 'Wake it: Gardener' }).click()
    await page.getByText('Active').waitFor()
    await page.getByRole('button', { name: /^Revoke / }).click()
    await page.getByRole('button', { name: /^Revoke now/ }).click()
    await page.getByText('It has no token, so it cannot get in.').waitFor()
    await page.getByRole('button', { name: 'Retire Gardener' }).click()
    await page.getByRole('button', { name: 'Retire now: Gardener' }).click()
    await page.getByText('Retired').waitFor()
    expect(await host.barriers()).toEqual([])
    expect(host.trouble('/members', '/agents')).toEqual([])
  })
})
