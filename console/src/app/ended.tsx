import { logIn } from '@loomworks/client'
import { passkeys } from '@loomworks/client/browser'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useId, useRef } from 'react'
import { useNavigate } from 'react-router'
import { Button } from '../parts/button.tsx'
import { notEnteredWords } from '../parts/entering-words.ts'
import rows from '../parts/rows.module.css'
import { Trouble } from '../parts/trouble.tsx'
import { client } from './client.ts'
import styles from './ended.module.css'
import { isSessionOver, meQuery } from './queries.ts'
import { signedOut } from './signed-in.ts'

/** Over the page of somebody whose session ended, which `error` says: they sign in where they are. Who wants to read on may close it; each new
 *  error opens it again. */
export function Ended({ error }: { readonly error: unknown }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const entering = useMutation({
    mutationFn: () => logIn(client, passkeys),
    onSuccess: ({ person }) => {
      queries.setQueryData(meQuery.queryKey, person)
      void queries.invalidateQueries()
    },
  })
  const leave = () => {
    signedOut(queries)
    void navigate('/console/welcome')
  }
  useEffect(() => {
    if (isSessionOver(error) && dialog.current?.open === false) dialog.current.showModal()
  }, [error])
  if (!isSessionOver(error)) return null
  return (
    <dialog ref={dialog} className={styles.ended} aria-labelledby={title}>
      <h2 id={title}>Your session ended</h2>
      <p>Sign in again to go on; what you typed on this page is still there.</p>
      {entering.isError ? <Trouble error={entering.error} says={notEnteredWords(entering.error)} /> : null}
      <div className={rows.acts}>
        <Button autoFocus busy={entering.isPending} onPress={() => entering.mutate()}>
          Sign in with a passkey
        </Button>
        <Button look="quiet" onPress={leave}>
          Leave this page
        </Button>
      </div>
    </dialog>
  )
}
