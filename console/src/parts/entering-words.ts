import { isRefused } from '@loomworks/client'

/** Why a passkey let nobody in, and what to do next, where the page knows it better than the service. */
export function notEnteredWords(error: unknown) {
  if (error instanceof Error && error.name === 'NotAllowedError')
    return { title: 'No passkey was given.', detail: 'The device was asked and did not answer, or you said no. Try again.' }
  if (isRefused(error, 'login.refused'))
    return { title: 'This passkey opens no account here.', detail: 'Choose another one, or sign up. A passkey that was removed opens nothing any more.' }
  if (isRefused(error, 'login.challenge_expired')) return { title: 'That took too long.', detail: 'Choose your passkey once more.' }
  return undefined
}
