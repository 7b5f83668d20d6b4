import { isRefused } from '@loomworks/client'
import { passkeys } from '@loomworks/client/browser'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { Link, useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { isSessionOver } from '../../app/queries.ts'
import { isRecovering, recovering, recoveringEnded, signedIn } from '../../app/signed-in.ts'
import { AppCode, digitsOf } from '../../parts/app-code.tsx'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { Threshold } from '../../parts/threshold.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'

/** Without the passkey: both other factors open a session that can do one thing, which is to make a new one. */
export function Page() {
  const [isIn, setIn] = useState(isRecovering)
  const [ended, setEnded] = useState<unknown>()
  const begin = () => {
    recovering()
    setIn(true)
  }
  const end = (error: unknown) => {
    recoveringEnded()
    setEnded(error)
    setIn(false)
  }
  return (
    <Threshold title="Get back in">
      {isIn ? <NewPasskey onEnded={end} /> : <Factors trouble={ended} onIn={begin} />}
      <p>
        Have your passkey? <Link to="/console/sign-in">Sign in</Link>
      </p>
      <p>
        Lost both? An administrator can make you a token. <Link to="/console/enrol">Use a token</Link>
      </p>
    </Threshold>
  )
}

interface FactorsProps {
  /** Why the session that was open ended. */
  readonly trouble: unknown
  readonly onIn: () => void
}

function Factors({ trouble, onIn }: FactorsProps) {
  const [email, setEmail] = useState('')
  const [totp, setTotp] = useState('')
  const [recovery, setRecovery] = useState('')
  const entering = useMutation({
    mutationFn: () => client.call('recoverLogin', { body: { email, totp_code: digitsOf(totp), recovery_code: recovery.trim(), session_delivery: 'cookie' } }),
    onSuccess: onIn,
  })
  const error = entering.error ?? trouble
  return (
    <Form
      className={styles.form ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        if (!entering.isPending) entering.mutate()
      }}
    >
      <p>You need your authenticator app and one of the recovery codes you stored. The code is used up by this.</p>
      <Field label="E-mail address" name="email" type="email" autoComplete="email" isRequired maxLength={254} value={email} onChange={setEmail} />
      <AppCode value={totp} onChange={setTotp} />
      <Field
        label="Recovery code"
        hint="Six groups of four"
        name="recovery"
        autoComplete="off"
        isRequired
        maxLength={60}
        mono
        value={recovery}
        onChange={setRecovery}
      />
      {error === undefined ? null : <Trouble error={error} says={saysOf(error)} />}
      <Button type="submit" busy={entering.isPending}>
        Continue
      </Button>
    </Form>
  )
}

function NewPasskey({ onEnded }: { readonly onEnded: (error: unknown) => void }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const adding = useMutation({
    mutationFn: async () => {
      const { challenge_id, options } = await client.call('beginAddPasskey', { body: {} })
      return client.call('finishAddPasskey', { body: { challenge_id, credential: await passkeys.register(options) } })
    },
    onSuccess: () => {
      signedIn(queries)
      void navigate('/console/settings')
    },
    onError: (error) => {
      if (isSessionOver(error)) onEnded(error)
    },
  })
  return (
    <div className={styles.form}>
      <p>You are recognised. Make a new passkey on this device; every other session of yours ends with it.</p>
      {adding.isError ? <Trouble error={adding.error} says={saysOf(adding.error)} /> : null}
      <Button autoFocus busy={adding.isPending} onPress={() => adding.mutate()}>
        Create a new passkey
      </Button>
    </div>
  )
}

function saysOf(error: unknown) {
  if (isRefused(error, 'login.refused'))
    return {
      title: 'That does not fit together.',
      detail: 'Check the address, wait for the next code of the app, and use a recovery code that was not used before.',
    }
  if (isSessionOver(error)) return { title: 'Your time to make a passkey is over.', detail: 'Enter a new code of the app and another recovery code.' }
  if (error instanceof Error && error.name === 'NotAllowedError')
    return { title: 'No passkey was made.', detail: 'The device was asked and did not answer, or you said no. Try again.' }
  return undefined
}
