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

const RECOVERING = 'loomworks.recovering'

/** Has this tab a session that opens nothing but the making of a passkey? A reload asks for no other recovery code then. */
export function isRecovering(): boolean {
  return sessionStorage.getItem(RECOVERING) !== null
}

export function recovering(): void {
  sessionStorage.setItem(RECOVERING, 'yes')
}

export function recoveringEnded(): void {
  sessionStorage.removeItem(RECOVERING)
}

/** What is known of whoever was here before is forgotten with either. */
export function signedIn(queries: QueryClient): void {
  recoveringEnded()
  localStorage.setItem(KEPT, 'yes')
  queries.clear()
}

export function signedOut(queries: QueryClient): void {
  recoveringEnded()
  localStorage.removeItem(KEPT)
  queries.clear()
}
