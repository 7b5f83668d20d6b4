import { isRefused, logIn } from '@loomworks/client'
import { passkeys } from '@loomworks/client/browser'
import { useMutation } from '@tanstack/react-query'
import { useCallback, useEffect, useState } from 'react'
import { client } from '../../app/client.ts'

/** What is said of a passkey that was chosen; whoever chose it may choose another one. */
const OF_CHOSEN = ['login.refused', 'login.challenge_expired', 'account_locked', 'credential.clone_suspected'] as const

interface Autofill {
  readonly onIn: () => void
  readonly onTrouble: (error: unknown) => void
}

/** The browser offers passkeys in a field of the page, from the beginning and after each that was refused. Gives what has it offer them once more:
 *  any other ceremony ends the offer. */
export function useAutofill({ onIn, onTrouble }: Autofill): () => void {
  const { mutate } = useMutation({ mutationFn: (_round: number) => logIn(client, passkeys, { autofill: true }), onSuccess: onIn })
  const [round, setRound] = useState(0)
  const again = useCallback(() => setRound((former) => former + 1), [])
  useEffect(() => {
    let left = false
    const onError = (error: unknown) => {
      if (!isOffersEnd(error)) onTrouble(error)
      if (isRefused(error, ...OF_CHOSEN)) again()
    }
    void PublicKeyCredential.isConditionalMediationAvailable?.().then((offered) => {
      if (offered && !left) mutate(round, { onError })
    })
    return () => {
      left = true
    }
  }, [round, mutate, again, onTrouble])
  return again
}

/** Another ceremony began, or nobody chose: no trouble. */
function isOffersEnd(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'NotAllowedError')
}
