import { logIn } from '@loomworks/client'
import { passkeys } from '@loomworks/client/browser'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { pageAfterEntering, signedIn } from '../../app/signed-in.ts'
import { Button } from '../../parts/button.tsx'
import { notEnteredWords } from '../../parts/entering-words.ts'
import { Field } from '../../parts/field.tsx'
import { Threshold } from '../../parts/threshold.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { useAutofill } from './autofill.ts'
import styles from './page.module.css'

/** With a passkey: the browser offers it in the field as soon as the page is there, and the button asks for it. */
export function Page() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [trouble, setTrouble] = useState<unknown>()
  const enter = () => {
    signedIn(queries)
    void navigate(pageAfterEntering())
  }
  const offerAgain = useAutofill({ onIn: enter, onTrouble: setTrouble })
  const asking = useMutation({ mutationFn: () => logIn(client, passkeys), onSuccess: enter, onMutate: () => setTrouble(undefined), onError: setTrouble })
  return (
    <Threshold title="Sign in">
      <Field label="Passkey" name="username" hint="Your device offers it here." autoComplete="username webauthn" />
      {trouble === undefined ? null : <Trouble error={trouble} says={notEnteredWords(trouble)} />}
      <Button busy={asking.isPending} onPress={() => asking.mutate(undefined, { onError: offerAgain })}>
        Sign in with a passkey
      </Button>
      <p className={styles.other}>
        Lost it? <Link to="/console/recover">Get back in with your app and a recovery code</Link>
      </p>
      <p className={styles.other}>
        No account yet? <Link to="/console/sign-up">Sign up</Link>
      </p>
    </Threshold>
  )
}
