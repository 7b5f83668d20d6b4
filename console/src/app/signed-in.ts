// A note to ourselves that somebody signed in in this browser, so that a newcomer's page asks for nothing. The session itself is a cookie that no
// script sees, and what it opens the gateway alone decides.
import type { QueryClient } from '@tanstack/react-query'

const KEPT = 'loomworks.signed-in'

export function mayBeSignedIn(): boolean {
  return localStorage.getItem(KEPT) !== null
}

const WANTED = 'loomworks.wanted'

/** Where somebody wanted to go who has to sign in first. */
export function wantedPage(address: string): void {
  sessionStorage.setItem(WANTED, address)
}

/** Where to go once in. */
export function pageAfterEntering(): string {
  const wanted = sessionStorage.getItem(WANTED) ?? '/console/'
  sessionStorage.removeItem(WANTED)
  return wanted
}

/** What is known of whoever was here before is forgotten with either. */
export function signedIn(queries: QueryClient): void {
  localStorage.setItem(KEPT, 'yes')
  queries.clear()
}

export function signedOut(queries: QueryClient): void {
  localStorage.removeItem(KEPT)
  queries.clear()
}
