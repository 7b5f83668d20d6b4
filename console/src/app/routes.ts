// Every address of the console and the page that stands there, by the name of its folder: nothing else, so that a test can go through them all.

/** What anybody may see. */
export const OUTSIDE = {
  '/claim': 'sign-up',
  '/console/welcome': 'welcome',
  '/console/sign-up': 'sign-up',
  '/console/sign-in': 'sign-in',
  '/console/recover': 'recover',
  '/console/enrol': 'enrol',
} as const

/** What is a person's own, in the frame. */
export const INSIDE = {
  '/console/': 'home',
  '/console/engagements': 'engagements',
  '/console/engagements/:engagement': 'engagement',
  '/console/engagements/:engagement/agents': 'agents',
  '/console/invitation': 'invitation',
  '/console/activity': 'activity',
  '/console/credit': 'credit',
  '/console/settings': 'settings',
  // What password managers open: the address that `/.well-known/passkey-endpoints` names.
  '/console/settings/passkeys': 'settings',
  '/console/operations/sagas': 'sagas',
  '/console/operations/sagas/:saga': 'saga',
  '/console/operations/dead-letters': 'dead-letters',
  '/console/operations/dead-letters/:letter': 'dead-letter',
  '/console/*': 'not-found',
} as const

/** Addresses that lead on to another. */
export const ONWARD = { '/': '/console/', '/console/operations': '/console/operations/sagas' } as const
