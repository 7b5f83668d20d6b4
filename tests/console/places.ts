// Every address of the console, and what a person sees there when it is empty, full, on its way, and when it fails.
import type { Page } from 'playwright-core'
import type { Made } from './made.ts'

export interface Place {
  /** What its pictures are called. */
  readonly pictured: string
  /** Who goes there; whoever is nobody is signed out. */
  readonly who: 'nobody' | 'operator'
  readonly address: (made: Made) => string | Promise<string>
  /** Path of the request without which there is nothing to show. A page that asks for nothing is itself what is waited for. */
  readonly asks?: RegExp
  readonly empty: RegExp
  /** What is answered in place of what the services have, where they are never without. */
  readonly emptied?: unknown
  readonly full: RegExp
  readonly form?: Form
}

/** What is typed on the page, and what becomes of it where the service is away. */
export interface Form {
  readonly types: (page: Page, made: Made) => Promise<void>
  readonly press: string
  readonly sends: RegExp
  /** It changes nothing. */
  readonly reads?: true
  /** What is still there when it failed: the label, and what was typed. */
  readonly keeps?: readonly [label: string, text: string]
  /** Both tries are sent under one key, so that it is done once. */
  readonly isKeyed?: true
  /** What the second try comes to. */
  readonly again: RegExp
}

export const PLACES: Readonly<Record<string, Place>> = {
  '/claim': {
    pictured: 'claim',
    who: 'nobody',
    address: async (made) => (made.isFull ? made.claimLink : '/claim'),
    empty: /E-mail address/,
    full: /You were given credit/,
  },
  '/console/welcome': {
    pictured: 'welcome',
    who: 'nobody',
    address: () => '/console/welcome',
    empty: /A Companion that acts for you/,
    full: /It remembers what you tell it/,
  },
  '/console/sign-up': {
    pictured: 'sign-up',
    who: 'nobody',
    address: () => '/console/sign-up',
    empty: /Your name/,
    full: /Your name/,
    form: {
      types: async (page) => {
        await page.getByLabel('Your name').fill('Ada')
        await page.getByLabel('E-mail address').fill('ada@example.org')
      },
      press: 'Continue',
      sends: /^\/auth\/signup\/begin$/,
      keeps: ['E-mail address', 'ada@example.org'],
      again: /A passkey lives in your device/,
    },
  },
  '/console/sign-in': {
    pictured: 'sign-in',
    who: 'nobody',
    address: () => '/console/sign-in',
    empty: /No account yet/,
    full: /Lost it/,
    form: {
      types: async () => undefined,
      press: 'Sign in with a passkey',
      sends: /^\/auth\/login\/passkey\/begin$/,
      again: /No passkey was given|opens no account/,
    },
  },
  '/console/recover': {
    pictured: 'recover',
    who: 'nobody',
    address: () => '/console/recover',
    empty: /one of the recovery codes you stored/,
    full: /one of the recovery codes you stored/,
    form: {
      types: async (page) => {
        await page.getByLabel('E-mail address').fill('ada@example.org')
        await page.getByLabel('Code that the app shows').fill('123456')
        await page.getByLabel('Recovery code').fill('AAAA-BBBB-CCCC-DDDD-EEEE-FFFF')
      },
      press: 'Continue',
      sends: /^\/auth\/login\/recovery$/,
      keeps: ['Recovery code', 'AAAA-BBBB-CCCC-DDDD-EEEE-FFFF'],
      again: /That does not fit together/,
    },
  },
  '/console/enrol': {
    pictured: 'enrol',
    who: 'nobody',
    address: () => '/console/enrol',
    empty: /The token came in a letter/,
    full: /The token came in a letter/,
    form: {
      types: (page) => page.getByLabel('Token').fill('lwe_0123456789'),
      press: 'Create a new passkey',
      sends: /^\/auth\/enrol\/begin$/,
      keeps: ['Token', 'lwe_0123456789'],
      again: /There is no such token/,
    },
  },
  '/console/': {
    pictured: 'home',
    who: 'operator',
    address: () => '/console/',
    asks: /^\/me\/dashboard\/needs_you$/,
    empty: /What waits for your decision will stand here/,
    full: /The hedge is to be cut in autumn/,
  },
  '/console/engagements': {
    pictured: 'engagements',
    who: 'operator',
    address: () => '/console/engagements',
    asks: /^\/engagements$/,
    empty: /Open the first one below/,
    full: /The garden/,
    form: {
      types: (page) => page.getByLabel('What it is called').fill('The pond'),
      press: 'Open',
      sends: /^\/engagements$/,
      isKeyed: true,
      keeps: ['What it is called', 'The pond'],
      again: /The pond/,
    },
  },
  '/console/engagements/:engagement': {
    pictured: 'engagement',
    who: 'operator',
    address: async (made) => `/console/engagements/${await made.engagement()}`,
    asks: /^\/engagements\/[^/]+\/members$/,
    empty: /No invitation is open/,
    full: /Bob/,
    form: {
      types: (page) => page.getByLabel('For whom').fill('eve@example.org'),
      press: 'Invite',
      sends: /^\/engagements\/[^/]+\/invitations$/,
      isKeyed: true,
      keeps: ['For whom', 'eve@example.org'],
      again: /Send this link/,
    },
  },
  '/console/engagements/:engagement/agents': {
    pictured: 'agents',
    who: 'operator',
    address: async (made) => `/console/engagements/${await made.engagement()}/agents`,
    asks: /^\/engagements\/[^/]+\/agents$/,
    empty: /Create the first one below/,
    full: /Read, write; ends in 90 days/,
    form: {
      types: async (page) => {
        await page.getByLabel('Name').fill('Weeder')
        await page.getByLabel('What it is for').fill('Finds weeds')
      },
      press: 'Create',
      sends: /^\/engagements\/[^/]+\/agents$/,
      isKeyed: true,
      keeps: ['What it is for', 'Finds weeds'],
      again: /Weeder is created/,
    },
  },
  '/console/invitation': {
    pictured: 'invitation',
    who: 'operator',
    address: (made) => (made.isFull ? `/console/invitation?token=${made.invitation}` : '/console/invitation'),
    asks: /^\/me$/,
    empty: /This address holds no invitation/,
    full: /Somebody wants to share an engagement with you/,
    form: { types: async () => undefined, press: 'Join', sends: /^\/invitations\/accept$/, again: /You are a member there already/ },
  },
  '/console/activity': {
    pictured: 'activity',
    who: 'operator',
    address: () => '/console/activity',
    asks: /^\/me\/activity$/,
    empty: /What happens around you will stand here/,
    // Whoever is in has made facts already.
    emptied: { items: [], next_cursor: null, log_size: 0, degraded: false },
    full: /Your account was opened/,
  },
  '/console/credit': {
    pictured: 'credit',
    who: 'operator',
    address: () => '/console/credit',
    asks: /^\/me\/credit$/,
    empty: /No credit yet/,
    full: /70,000 Sonnet units/,
  },
  '/console/settings': {
    pictured: 'settings',
    who: 'operator',
    address: () => '/console/settings',
    asks: /^\/me\/credentials$/,
    empty: /Your only one cannot be removed/,
    full: /A key that ends in/,
    form: {
      types: (page) => page.getByLabel('Its name').fill('Iris'),
      press: 'Rename your Companion',
      sends: /^\/me\/companion-name$/,
      keeps: ['Its name', 'Iris'],
      again: /It is called Iris now/,
    },
  },
  '/console/settings/passkeys': {
    pictured: 'passkeys',
    who: 'operator',
    address: () => '/console/settings/passkeys',
    asks: /^\/me\/credentials$/,
    empty: /Your only one cannot be removed/,
    full: /Kept on one device/,
  },
  '/console/operations/sagas': {
    pictured: 'sagas',
    who: 'operator',
    address: (made) => (made.isFull ? '/console/operations/sagas?show=all' : '/console/operations/sagas'),
    asks: /^\/admin\/sagas$/,
    empty: /No saga is under way/,
    full: /Completed/,
    form: {
      types: (page) => page.getByLabel('Id or e-mail address').fill('f'.repeat(32)),
      press: 'Find',
      sends: /^\/admin\/sagas\/search$/,
      reads: true,
      keeps: ['Id or e-mail address', 'f'.repeat(32)],
      again: /No saga belongs to this/,
    },
  },
  '/console/operations/sagas/:saga': {
    pictured: 'saga',
    who: 'operator',
    address: async (made) => `/console/operations/sagas/${await made.saga()}${made.isFull ? '?compare=yes&a=0&b=1' : ''}`,
    asks: /^\/admin\/sagas\/[^/]+$/,
    empty: /It has ended; nothing can be done/,
    full: /differences? between event 0 and event 1/,
    form: { types: async () => undefined, press: 'Replay', sends: /\/replay$/, again: /decisions, each as it was/ },
  },
  '/console/operations/dead-letters': {
    pictured: 'dead-letters',
    who: 'operator',
    address: () => '/console/operations/dead-letters',
    asks: /^\/admin\/dead-letters$/,
    empty: /Nothing lies here/,
    full: /given up by companion/,
  },
  '/console/operations/dead-letters/:letter': {
    pictured: 'dead-letter',
    who: 'operator',
    address: async (made) => `/console/operations/dead-letters/${await made.letter()}`,
    asks: /^\/admin\/dead-letters\/[^/]+$/,
    empty: /Nothing was decided about it/,
    full: /It fits its contract/,
    form: {
      types: (page) => page.getByLabel('Reason').fill('the bug is mended'),
      press: 'Show what a redrive would send',
      sends: /\/redrive$/,
      keeps: ['Reason', 'the bug is mended'],
      again: /It would go out again as/,
    },
  },
  '/console/*': {
    pictured: 'not-found',
    who: 'operator',
    address: () => '/console/nowhere',
    asks: /^\/me$/,
    empty: /There is no such page/,
    full: /There is no such page/,
  },
}
