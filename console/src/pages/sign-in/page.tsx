import { logIn } from '@loomworks/client'
import { passkeys } from '@loomworks/client/browser'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { Link, useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { pageAfterEntering, signedIn } from '../../app/signed-in.ts'
import { Button } from '../../parts/button.tsx'
import { notEnteredWords } from '../../parts/entering-words.ts'
import { Field } from '../../parts/field.tsx'
import { Threshold } from '../../parts/threshold.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'

/** With a passkey: the browser offers it in the field as soon as the page is there, and the button asks for it. */
export function Page() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const entering = useMutation({
    mutationFn: ({ autofill }: { autofill: boolean }) => logIn(client, passkeys, { autofill }),
    onSuccess: () => {
      signedIn(queries)
      void navigate(pageAfterEntering())
    },
  })
  const { mutate } = entering
  useEffect(() => {
    let left = false
    void PublicKeyCredential.isConditionalMediationAvailable?.().then((offered) => {
      if (offered && !left) mutate({ autofill: true })
    })
    return () => {
      left = true
    }
  }, [mutate])
  const asked = entering.variables?.autofill === false
  return (
    <Threshold title="Sign in">
      <Field label="Passkey" name="username" hint="Your device offers it here." autoComplete="username webauthn" />
      {entering.isError && asked ? <Trouble error={entering.error} says={notEnteredWords(entering.error)} /> : null}
      <Button busy={entering.isPending && asked} onPress={() => mutate({ autofill: false })}>
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
