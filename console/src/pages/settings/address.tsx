import { isRefused } from '@loomworks/client'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { meQuery } from '../../app/queries.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { useFormKey } from '../../parts/form-key.ts'
import rows from '../../parts/rows.module.css'
import { Trouble } from '../../parts/trouble.tsx'

interface Props {
  readonly email: string
  readonly isVerified: boolean
}

/** Another address counts once its code was shown here; until then the former one stays. */
export function Address({ email: former, isVerified }: Props) {
  const [email, setEmail] = useState('')
  const [code, setCode] = useState('')
  const queries = useQueryClient()
  const [sent, setSent] = useState<{ readonly to: string; readonly letters: number }>()
  const key = useFormKey(email, sent?.letters)
  const asking = useMutation({
    mutationFn: () => proven(() => client.call('changeEmail', { body: { email } }, { key })),
    onSuccess: () => {
      setSent({ to: email, letters: (sent?.letters ?? 0) + 1 })
      setCode('')
    },
  })
  const showing = useMutation({
    mutationFn: () => proven(() => client.call('verifyEmail', { body: { code: code.trim() } })),
    onSuccess: async () => {
      await queries.invalidateQueries(meQuery)
      setSent(undefined)
      setEmail('')
    },
  })
  const ask = () => {
    showing.reset()
    asking.mutate()
  }
  const show = () => {
    asking.reset()
    showing.mutate()
  }
  const correct = () => {
    asking.reset()
    showing.reset()
    setSent(undefined)
  }
  const isAsked = sent !== undefined
  const isBusy = asking.isPending || showing.isPending
  const error = asking.error ?? showing.error
  return (
    <Card title="E-mail address">
      <p>
        {former}
        {isVerified ? '' : ' (not proven yet)'}
      </p>
      <Form
        className={rows.line ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!isBusy) (isAsked ? show : ask)()
        }}
      >
        {isAsked ? (
          <Field
            label="Code from the letter"
            name="email-code"
            inputMode="numeric"
            autoComplete="one-time-code"
            isRequired
            pattern="[0-9]{6}"
            maxLength={6}
            mono
            value={code}
            onChange={setCode}
          />
        ) : (
          <Field label="Another address" name="email" type="email" autoComplete="email" isRequired maxLength={254} value={email} onChange={setEmail} />
        )}
        <Button type="submit" busy={isAsked ? showing.isPending : asking.isPending} isDisabled={isBusy}>
          {isAsked ? 'Confirm' : 'Send a code'}
        </Button>
      </Form>
      <p role="status">{isAsked ? `A letter went to ${sent.to}.` : showing.isSuccess ? 'Your address is changed.' : ''}</p>
      {error === null ? null : <Trouble error={error} says={saysOf(error)} />}
      {isAsked ? (
        <div className={rows.acts}>
          <Button look="second" busy={asking.isPending} isDisabled={isBusy} onPress={ask}>
            Send another letter
          </Button>
          <Button look="quiet" isDisabled={isBusy} onPress={correct}>
            Correct the address
          </Button>
        </div>
      ) : null}
    </Card>
  )
}

function saysOf(error: unknown) {
  if (!isRefused(error, 'email_code.invalid')) return undefined
  const left = Number(error.problem.attempts_left)
  return { title: 'That is not the code of the last letter.', detail: left > 0 ? `${left} tries are left.` : 'Have another letter sent.' }
}
