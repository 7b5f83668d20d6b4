import { claim, memberClaim, PersonState, signupDoor } from '@loomworks/contracts'
import { type Refusal, refusals } from '@loomworks/kernel'
import { z } from 'zod'
import { MintRefusal, RegistrationState } from './vocabulary.ts'

const states = z.object({ state: RegistrationState })

/** Refusals of the signup (identity page §4, saga page §3.3). */
const ofRegistrations = refusals('signup', {
  not_found: { status: 404, says: 'There is no such registration.', remedy: 'Begin again.' },
  state: { status: 409, says: 'This is not the next step of the registration.', remedy: 'Go on with the step its state asks for.', details: states },
  email_taken: { status: 409, says: 'This address belongs to a person already.', remedy: 'Log in, or use another address.' },
  credential_taken: { status: 409, says: 'This passkey belongs to a person already.', remedy: 'Log in with it, or make another passkey.' },
  in_progress: { status: 409, says: 'This registration is under way with another claim token.', remedy: 'Wait for its end.' },
  registration_expired: { status: 410, says: 'This registration has ended.', remedy: 'Begin again.' },
  done_log_in: { status: 410, says: 'This registration is complete.', remedy: 'Log in with your passkey.' },
  too_many_attempts: { status: 429, says: 'Too many attempts with this registration or address.', remedy: 'Wait, then begin again.' },
  timed_out: { status: 503, says: 'The signup took too long and was undone.', remedy: 'Try again: nothing was kept.' },
})
export const signup = { ...signupDoor, ...ofRegistrations }

export const passkey = refusals('passkey', {
  rejected: { status: 401, says: 'The passkey was not accepted.', remedy: 'Ask for fresh options and try again.' },
})

export const totp = refusals('totp', {
  invalid: { status: 401, says: 'The code is wrong.', remedy: 'Read a fresh code from the authenticator.', details: z.object({ attemptsLeft: z.int() }) },
  throttled: { status: 429, says: 'Too many wrong codes.', remedy: 'Wait as long as Retry-After says, then read a fresh code.' },
})

export const login = refusals('login', {
  refused: { status: 401, says: 'The login was refused.', remedy: 'Try again with a passkey of this deployment.' },
  challenge_expired: { status: 401, says: 'The login took too long.', remedy: 'Begin again.' },
})

export const recovery = refusals('recovery', {
  throttled: { status: 429, says: 'Too many wrong tries to recover an account.', remedy: 'Wait as long as Retry-After says.' },
})

export const credential = refusals('credential', {
  clone_suspected: { status: 403, says: 'This passkey may have been copied and is set aside.', remedy: 'Log in with another factor and remove it.' },
  last_passkey: { status: 409, says: 'This is the last passkey in use, and it stays.', remedy: 'Add another one first.' },
  taken: { status: 409, says: 'This passkey belongs to an account already.', remedy: 'Make another one.' },
  limit: { status: 409, says: 'Twenty passkeys are the most.', remedy: 'Remove one that you no longer use.' },
})

export const person = refusals('person', {
  state: {
    status: 409,
    says: 'The person is not in a state that allows this.',
    remedy: 'Look again.',
    details: z.object({ from: PersonState, to: PersonState.optional() }),
  },
})

export const role = refusals('role', {
  last_admin: { status: 409, says: 'This is the last active administrator, and stays one.', remedy: 'Give somebody else the role first.' },
})

export const enrolment = refusals('enrolment', {
  unknown: { status: 404, says: 'There is no such enrolment.', remedy: 'Ask an administrator for a token.' },
  waiting: {
    status: 409,
    says: 'The token waits, so that the person can stop it.',
    remedy: 'Come back when `usable_from` says.',
    details: z.object({ usableFrom: z.string() }),
  },
  no_passkey: { status: 409, says: 'A passkey comes first.', remedy: 'Begin, and show the passkey that was made.' },
  expired: { status: 410, says: 'The token is too old.', remedy: 'Ask an administrator for another one.' },
})

export const saga = refusals('saga', {
  not_found: { status: 404, says: 'There is no such saga.', remedy: 'Check the id.' },
  step_error: { status: 500, says: 'A step of the saga failed for a reason that is a bug.', remedy: 'Nothing was kept; tell the operator the request id.' },
  closed: { status: 409, says: 'The saga has ended.', remedy: 'Nothing can be done with it any more; look at its timeline.' },
  changed: { status: 409, says: 'The saga has changed since you looked.', remedy: 'Look again and decide anew.', details: z.object({ revision: z.int() }) },
  nothing_outstanding: {
    status: 409,
    says: 'No step like this is waited for, or the saga is paused.',
    remedy: 'Look which steps are outstanding; unpause first.',
  },
  not_pausable: { status: 409, says: 'The saga is paused already, or is not paused.', remedy: 'Look again.' },
  past_pivot: { status: 409, says: 'The saga is past its pivot, or is going back already.', remedy: 'From here it only goes on; retry what does not answer.' },
  action_unknown: { status: 422, says: 'There is no such action.', remedy: 'Use retry, resend, pause, unpause or cancel.' },
  reason_required: {
    status: 422,
    says: 'A reason of 3 to 500 characters is missing. It is kept for ever, so it holds no address.',
    remedy: 'Say in a sentence why; name ids, not people.',
  },
  version_missing: { status: 410, says: 'The definition that this saga ran on is gone.', remedy: 'Use the release that still had this version.' },
  cancelled: { status: 409, says: 'An operator has cancelled this before it was done.', remedy: 'Nothing was kept. Begin again, or ask the operator why.' },
})

export const dlq = refusals('dlq', {
  not_found: { status: 404, says: 'There is no such dead letter.', remedy: 'Look at the list; letters are kept for ninety days.' },
  saga_closed: { status: 409, says: 'The saga that this belongs to has ended.', remedy: 'Discard it: nobody waits for it any more.' },
  edit_invalid: {
    status: 422,
    says: 'The message as edited is not one that its readers take.',
    remedy: 'Mend what `errors` names.',
    details: z.object({ errors: z.array(z.object({ pointer: z.string(), code: z.string(), message: z.string() })) }),
  },
})

export const mail = refusals('mail', {
  not_configured: { status: 503, says: 'This deployment sends no letters.', remedy: 'Ask the operator to set SMTP_URL or MAILBOX_DIR.' },
})

const Errors = z.object({ errors: z.array(z.object({ pointer: z.string(), code: z.string(), message: z.string() })) })

export const setting = refusals('setting', {
  unknown: { status: 404, says: 'There is no such setting here.', remedy: 'Look at the list of settings.' },
  invalid: { status: 422, says: 'The setting cannot be this.', remedy: 'Mend what `errors` names.', details: Errors },
})

export const vault = refusals('vault', {
  limit: { status: 409, says: 'No more secrets can be kept here.', remedy: 'Remove one that is not used.' },
  unknown: { status: 404, says: 'There is no secret of this name here.', remedy: 'Look at the list of secrets.' },
})

export const subjectKey = refusals('subject_key', {
  destroyed: { status: 410, says: 'The key of this person was destroyed.', remedy: 'What was sealed under it is gone; forget it.' },
})

/** Refusals about who belongs where (identity page §6). */
export const membership = refusals('membership', {
  exists: { status: 409, says: 'You are a member there already.', remedy: 'Nothing is left to do.' },
  personal_fixed: { status: 409, says: 'A personal engagement has one member, for ever.', remedy: 'Open another engagement to work with others.' },
  automatic: { status: 409, says: 'Who belongs here is decided by the deployment.', remedy: 'Ask who runs the deployment.' },
  last_operator: { status: 409, says: 'An engagement does not lose its last operator.', remedy: 'Make somebody else an operator first, or archive it.' },
  last_designation: { status: 409, says: 'A member has one designation at least.', remedy: 'Give them another one first, or remove the member.' },
  ended: { status: 409, says: 'This membership has ended.', remedy: 'Invite them again.' },
  agent_fixed: { status: 409, says: 'What an agent is here is decided by its tokens.', remedy: 'Change its tokens, or delete the agent.' },
  operator_required: { status: 403, says: 'This needs an operator of the engagement.', remedy: 'Ask one of its operators.' },
})

export const invitation = refusals('invitation', {
  token_unknown: { status: 404, says: 'There is no such invitation.', remedy: 'Ask for the token again.' },
  already_accepted: { status: 409, says: 'This invitation was accepted.', remedy: 'Each person needs one of their own.' },
  limit: { status: 409, says: 'A hundred invitations to this engagement are open.', remedy: 'Revoke some of them first.' },
  declined: { status: 410, says: 'This invitation was declined.', remedy: 'Ask for another one.' },
  revoked: { status: 410, says: 'This invitation was taken back.', remedy: 'Ask for another one.' },
  expired: { status: 410, says: 'This invitation has expired.', remedy: 'Ask for another one.' },
  email_mismatch: { status: 403, says: 'This invitation is for another address.', remedy: 'Log in as who it is for.' },
})

/** Refusals about agents and their tokens (identity page §7). */
export const agent = refusals('agent', {
  retired: { status: 409, says: 'This agent has ended.', remedy: 'Create another one.' },
  name_taken: { status: 409, says: 'Another agent of this engagement is called so.', remedy: 'Choose another name.' },
  limit: { status: 409, says: 'This engagement has a hundred agents.', remedy: 'Delete one that is not used.' },
  token_limit: { status: 409, says: 'This agent has ten live tokens.', remedy: 'Revoke one of them first.' },
  scope_not_grantable: {
    status: 422,
    says: 'An agent cannot be let do this.',
    remedy: 'Choose among memory.read, memory.write and memory.commit.',
  },
})

export const emailCode = refusals('email_code', {
  invalid: {
    status: 401,
    says: 'That is not the code that was mailed, or it is none any more.',
    remedy: 'Use the code of the last letter; after five wrong ones ask for another.',
    details: z.object({ attemptsLeft: z.int().min(0) }),
  },
})

export const email = refusals('email', {
  taken: { status: 409, says: 'Another account has this address.', remedy: 'Use another address.' },
})

export const assertion = refusals('assertion', {
  used: { status: 409, says: 'This operation was signed before.', remedy: 'Ask for a new one to be signed.' },
  outdated: { status: 409, says: 'The contract has changed since it was shown.', remedy: 'Show it as it is now, and have that signed.' },
  expired: { status: 410, says: 'What was to be signed is good no longer.', remedy: 'Ask for a new one to be signed.' },
})

/** Refusals of mandates (companion page §12). */
export const ova = refusals('ova', {
  mint_exceeds_signature: {
    status: 403,
    says: 'No signature of the person allows this.',
    remedy: 'Have them sign it; `reason` says what is not covered.',
    details: z.object({ reason: MintRefusal }),
  },
  mandate_open: { status: 409, says: 'A mandate for this act is still good.', remedy: 'Use that one, or wait as long as Retry-After says.' },
  attempts_spent: { status: 409, says: 'Five mandates were minted for this act.', remedy: 'Ask what became of it; have another act signed.' },
  not_lower: { status: 422, says: 'These terms allow what those before do not.', remedy: 'Have them signed.' },
})

export const catalogues = [
  ova,
  assertion,
  emailCode,
  email,
  signupDoor,
  ofRegistrations,
  passkey,
  totp,
  login,
  recovery,
  credential,
  person,
  role,
  enrolment,
  claim,
  memberClaim,
  saga,
  dlq,
  mail,
  setting,
  vault,
  subjectKey,
  membership,
  invitation,
  agent,
]

/** The refusal that a saga's code means to the client; `saga.step_error` for a code nobody knows. */
export function refusalOfCode(code: string, retryAfterS?: number): Refusal {
  const known = [...Object.values(signup), ...Object.values(claim), ...Object.values(memberClaim), saga.cancelled].find((each) => each.code === code) as
    | ((details?: undefined, retryAfterS?: number) => Refusal)
    | undefined
  return (known ?? saga.step_error)(undefined, retryAfterS)
}
