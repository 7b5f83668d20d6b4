// Where a signup stands on this page. Only the id of the registration outlives a reload, and only in this tab: what is its own to know is in
// a cookie that no script sees.
import { type Factors, isRefused, SignUp } from '@loomworks/client'
import { passkeys } from '@loomworks/client/browser'
import { client } from '../../app/client.ts'

const KEPT = 'loomworks.signup'

export interface About {
  readonly email: string
  readonly displayName: string
}

export type Standing =
  | { readonly at: 'about'; readonly trouble?: unknown }
  | { readonly at: 'passkey'; readonly signUp: SignUp }
  | { readonly at: 'factors'; readonly signUp: SignUp; readonly factors: Factors | undefined }

/** Whoever follows a claim link needs no address: it is the one that the credit was given to. */
export async function begin({ email, displayName }: About, claimToken: string | undefined): Promise<SignUp> {
  const signUp =
    claimToken === undefined
      ? await SignUp.begin(client, passkeys, { email, display_name: displayName })
      : SignUp.of(client, passkeys, await client.call('claimGrant', { body: { claim_token: claimToken, display_name: displayName } }))
  sessionStorage.setItem(KEPT, signUp.id)
  return signUp
}

/** What a reload comes back to; the beginning where nothing is open. */
export async function resumed(signal: AbortSignal): Promise<Standing> {
  const id = sessionStorage.getItem(KEPT)
  if (id === null) return { at: 'about' }
  const signUp = new SignUp(client, passkeys, id)
  try {
    const { state, code, next } = await client.call('showSignup', { params: { registration_id: id } }, { signal })
    if (next?.href === '/auth/signup/passkey') return { at: 'passkey', signUp }
    if (next?.href === '/auth/signup/totp-verify' && !(state === 'failed' && isOver(code))) return { at: 'factors', signUp, factors: undefined }
  } catch (error) {
    if (!isRefused(error, 'signup.not_found')) throw error
  }
  forget()
  return { at: 'about' }
}

export function forget(): void {
  sessionStorage.removeItem(KEPT)
}

/** Another try of the same registration would end the same way: what is wrong is what it was begun with. */
export function isOver(code: string | undefined): boolean {
  return code === 'signup.email_taken' || code === 'signup.credential_taken' || code === 'signup.registration_expired' || code === 'signup.too_many_attempts'
}
