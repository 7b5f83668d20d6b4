// What may be said of a claim token: credit answers it in the saga's first step, identity tells the client.
import { refusals } from '@loomworks/kernel'

export const claim = refusals('claim', {
  token_unknown: { status: 404, says: 'There is no such claim token.', remedy: 'Check the link you were sent.' },
  already_claimed: { status: 409, says: 'This grant was claimed.', remedy: 'Sign up without the token.' },
  in_progress: { status: 409, says: 'Somebody is claiming this grant now.', remedy: 'Try again in a minute.' },
  expired: { status: 410, says: 'This grant has expired.', remedy: 'Ask for a new one, or sign up without it.' },
  revoked: { status: 410, says: 'This grant was revoked.', remedy: 'Ask for a new one, or sign up without it.' },
  email_mismatch: { status: 403, says: 'This grant is for another address.', remedy: 'Sign up with the address it was sent to.' },
})

/** Of a claim by somebody who has an account already. */
export const memberClaim = refusals('claim', {
  account_not_eligible: { status: 403, says: 'This account cannot claim anything now.', remedy: 'Ask an administrator what its state is.' },
})

/** Whether anybody may begin a signup now; credit tells it too, of a claim link. */
export const signupDoor = refusals('signup', {
  closed: { status: 403, says: 'Nobody can sign up here now.', remedy: 'Ask the operator of this deployment for an invitation.' },
  busy: { status: 503, says: 'Signing up is not possible at this moment.', remedy: 'Try again when Retry-After says.' },
})
