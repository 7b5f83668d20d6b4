import { type Factors, isRefused, type Progress, type SignUp } from '@loomworks/client'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { Form } from 'react-aria-components'
import { AppCode, digitsOf } from '../../parts/app-code.tsx'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { NewFactors } from '../../parts/new-factors.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { Running } from './running.tsx'
import { isOver } from './state.ts'
import { saysOf } from './trouble-words.ts'

interface Props {
  readonly signUp: SignUp
  /** Absent after a reload: they are shown once, so new ones are asked for. */
  readonly factors: Factors | undefined
  readonly claimToken: string | undefined
  readonly onDone: () => void
  readonly onStartOver: (trouble?: unknown) => void
}

export function FactorsStep({ signUp, factors: given, claimToken, onDone, onStartOver }: Props) {
  const [factors, setFactors] = useState(given)
  const renewing = useMutation({ mutationFn: () => signUp.renewFactors(), onSuccess: setFactors })
  const [progress, setProgress] = useState<Progress>()
  // A deployment that wants the address proven says so when it is not.
  const [isMailed, setMailed] = useState(false)
  const finishing = useMutation({
    mutationFn: ({ code, mailed }: Codes) =>
      signUp.finish(code, {
        ...(claimToken !== undefined && { claim_token: claimToken }),
        ...(mailed !== '' && { email_code: mailed }),
        onProgress: setProgress,
      }),
    onSuccess: onDone,
    onError: (error) => {
      setProgress(undefined)
      if (isRefused(error, 'email_code.invalid')) setMailed(true)
      if (isRefused(error) && (isOver(error.code) || error.code === 'signup.not_found')) onStartOver(error)
    },
  })
  if (factors === undefined) return <Lost busy={renewing.isPending} error={renewing.error} onRenew={() => renewing.mutate()} onStartOver={onStartOver} />
  return (
    <>
      {finishing.isPending ? <Running progress={progress} /> : null}
      <div hidden={finishing.isPending}>
        <Confirm factors={factors} isMailed={isMailed} error={finishing.error} onCodes={(codes) => finishing.mutate(codes)} />
      </div>
    </>
  )
}

interface LostProps {
  readonly busy: boolean
  readonly error: unknown
  readonly onRenew: () => void
  readonly onStartOver: (trouble?: unknown) => void
}

/** The app's secret and the codes are shown once; after a reload they cannot be shown again. */
function Lost({ busy, error, onRenew, onStartOver }: LostProps) {
  return (
    <div className={styles.form}>
      <p>Your passkey is there. The page was loaded again, so the secret for your authenticator app and your recovery codes have to be made anew.</p>
      {error === null ? null : <Trouble error={error} says={saysOf(error)} />}
      <Button autoFocus busy={busy} onPress={onRenew}>
        Show new ones
      </Button>
      <Button look="quiet" onPress={() => onStartOver()}>
        Begin again
      </Button>
    </div>
  )
}

interface Codes {
  readonly code: string
  /** Empty where the deployment asks for none. */
  readonly mailed: string
}

interface ConfirmProps {
  readonly factors: Factors
  readonly isMailed: boolean
  readonly error: unknown
  readonly onCodes: (codes: Codes) => void
}

/** Stays while it is tried, so that nothing of it has to be typed again. */
function Confirm({ factors, isMailed, error, onCodes }: ConfirmProps) {
  const [code, setCode] = useState('')
  const [mailed, setMailed] = useState('')
  const [stored, setStored] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (error !== null) form.current?.querySelector<HTMLElement>(toMend(error))?.focus()
  }, [error])
  return (
    <Form
      ref={form}
      className={styles.form ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        onCodes({ code: digitsOf(code), mailed: mailed.trim() })
      }}
    >
      <NewFactors factors={factors} isStored={stored} onStored={setStored} />
      <AppCode value={code} onChange={setCode} />
      {isMailed ? (
        <Field
          label="Code from the letter we sent"
          hint="Six digits"
          name="mailed"
          inputMode="numeric"
          isRequired
          pattern="[0-9]{6}"
          maxLength={6}
          mono
          value={mailed}
          onChange={setMailed}
        />
      ) : null}
      {error === null ? null : <Trouble error={error} says={saysOf(error)} />}
      <Button type="submit" isDisabled={!stored}>
        Finish
      </Button>
    </Form>
  )
}

/** Where whoever goes by keyboard goes on: at what was wrong, or where it is tried again. */
function toMend(error: unknown): string {
  if (isRefused(error, 'email_code.invalid')) return '[name=mailed]'
  return isRefused(error, 'totp.invalid') ? '[name=code]' : '[type=submit]'
}
