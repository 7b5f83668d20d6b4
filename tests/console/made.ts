// What there is to be seen: little at first, and then of everything something.
import { eventually } from '@loomworks/testing'
import type { Page } from 'playwright-core'
import { z } from 'zod'
import type { Whole } from '../whole.ts'
import { deadFact } from './dead-facts.ts'
import { asked, newAddress } from './newcomer.ts'

const Id = z.object({ id: z.string() })
const Ids = z.object({ items: z.array(Id) })

export class Made {
  /** Whether of everything there is something. */
  isFull = false
  invitation = ''
  claimLink = ''
  readonly #whole: Whole
  readonly #operator: Page
  readonly #email: string
  #engagement: Promise<string> | undefined
  #letter: Promise<string> | undefined

  constructor(whole: Whole, operator: Page, email: string) {
    this.#whole = whole
    this.#operator = operator
    this.#email = email
  }

  engagement(): Promise<string> {
    this.#engagement ??= this.#ask('POST', '/engagements', { title: 'The garden' }, Id).then(({ id }) => id)
    return this.#engagement
  }

  async saga(): Promise<string> {
    const { items } = await this.#ask('GET', '/admin/sagas?definition=signup&state=completed', undefined, Ids)
    return items[0]?.id ?? ''
  }

  letter(): Promise<string> {
    this.#letter ??= this.#deadLetter()
    return this.#letter
  }

  async fill(): Promise<void> {
    if (this.isFull) return
    const id = await this.engagement()
    const invite = () => this.#ask('POST', `/engagements/${id}/invitations`, { designations: ['contributor'] }, z.object({ token: z.string() }))
    const bob = this.#whole.newcomer()
    await bob.signUp()
    await bob.client.expect(200, 'PATCH', '/me', { display_name: 'Bob' })
    await bob.client.expect(200, 'POST', '/invitations/accept', { token: (await eventually(invite)).token })
    this.invitation = (await invite()).token
    await this.#withAgent(id)
    await this.#withCredit()
    await this.#ask('PUT', '/me/secrets/anthropic', { value: 'sk-0123456789abcdef-WXYZ', kind: 'api_key' }, z.unknown())
    const hedge = { type: 'assertion', class: 'operational', payload: { kind: 'fact', text: 'The hedge is to be cut in autumn' } }
    await this.#ask('POST', `/engagements/${id}/memory`, hedge, z.unknown())
    await this.letter()
    this.isFull = true
  }

  async #deadLetter(): Promise<string> {
    await deadFact(this.#whole, 7n)
    return eventually(async () => Id.parse((await this.#ask('GET', '/admin/dead-letters', undefined, Ids)).items[0]).id)
  }

  async #withAgent(engagement: string): Promise<void> {
    const { id } = await this.#ask('POST', `/engagements/${engagement}/agents`, { name: 'Gardener', purpose: 'Keeps the beds' }, Id)
    await this.#ask('POST', `/agents/${id}/tokens`, { scopes: ['memory.read', 'memory.write'] }, Id)
  }

  async #withCredit(): Promise<void> {
    const grantTo = (recipient_email: string, credit_amount: string) =>
      this.#ask(
        'POST',
        '/admin/grants',
        { recipient_email, grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount },
        z.object({ claim_url: z.string() }),
      )
    const own = new URL((await grantTo(this.#email, '70000')).claim_url)
    await this.#ask('POST', '/me/claims', { claim_token: own.searchParams.get('token') }, z.unknown())
    const theirs = new URL((await grantTo(newAddress(), '100000')).claim_url)
    this.claimLink = theirs.pathname + theirs.search
  }

  async #ask<T>(method: string, path: string, body: unknown, shape: z.ZodType<T>): Promise<T> {
    return shape.parse(await asked(this.#operator, method, path, body))
  }
}
