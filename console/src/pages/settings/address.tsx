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
  const asking = useMutation({ mutationFn: () => proven(() => client.call('changeEmail', { body: { email } })) })
  const showing = useMutation({
    mutationFn: () => proven(() => client.call('verifyEmail', { body: { code: code.trim() } })),
    onSuccess: async () => {
      await queries.invalidateQueries(meQuery)
      asking.reset()
      setEmail('')
      setCode('')
    },
  })
  const isAsked = asking.isSuccess
  const act = isAsked ? showing : asking
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
          if (!act.isPending) act.mutate()
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
        <Button type="submit" busy={act.isPending}>
          {isAsked ? 'Confirm' : 'Send a code'}
        </Button>
      </Form>
      <p role="status">{isAsked ? `A letter went to ${email}.` : showing.isSuccess ? 'Your address is changed.' : ''}</p>
      {act.isError ? <Trouble error={act.error} says={saysOf(act.error)} /> : null}
    </Card>
  )
}

function saysOf(error: unknown) {
  if (!isRefused(error, 'email_code.invalid')) return undefined
  const left = Number(error.problem.attempts_left)
  return { title: 'That is not the code of the last letter.', detail: left > 0 ? `${left} tries are left.` : 'Ask for another letter.' }
}
