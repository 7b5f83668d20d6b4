import { isRefused } from '@loomworks/client'

/** What to do next, where this page knows it better than the service. */
export function saysOf(error: unknown): { readonly title: string; readonly detail: string } | undefined {
  if (error instanceof DOMException || (error instanceof Error && error.name === 'NotAllowedError'))
    return { title: 'No passkey was made.', detail: 'The device was asked and did not answer, or you said no. Try again.' }
  if (isRefused(error, 'signup.email_taken'))
    return { title: 'This address has an account already.', detail: 'Nothing was made. Sign in with it, or sign up with another address.' }
  if (isRefused(error, 'totp.invalid')) return codeWords(Number(error.problem.attempts_left))
  if (isRefused(error, 'email_code.invalid'))
    return {
      title: 'Your address has to be proven.',
      detail: 'A letter with a code went to it. Enter that code too; the code of the app may have changed meanwhile.',
    }
  if (isRefused(error, 'claim.email_mismatch'))
    return { title: 'The credit was given to another address.', detail: 'Sign up with the address its letter came to.' }
  if (isRefused(error, 'signup.registration_expired')) return { title: 'This signup took too long, or too many codes were wrong.', detail: 'Begin again.' }
  return undefined
}

function codeWords(left: number) {
  const tries = left === 1 ? 'One try is left.' : `${left} tries are left.`
  return { title: 'That is not the code the app shows.', detail: left > 0 ? `Wait for the next one and enter it. ${tries}` : 'Begin again.' }
}
