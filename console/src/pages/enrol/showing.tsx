import { type Factors, isRefused } from '@loomworks/client'
import { passkeys } from '@loomworks/client/browser'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import rows from '../../parts/rows.module.css'
import { Trouble } from '../../parts/trouble.tsx'

/** The token goes into no address; with it a passkey is made. */
export function Showing({ onMade }: { readonly onMade: (made: { readonly token: string; readonly factors: Factors }) => void }) {
  const [token, setToken] = useState('')
  const making = useMutation({ mutationFn: () => madeWith(token.trim()), onSuccess: (factors) => onMade({ token: token.trim(), factors }) })
  return (
    <Form
      className={rows.stack ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        if (!making.isPending) making.mutate()
      }}
    >
      <p>The token came in a letter, or from your administrator. Your account keeps what it has until you have finished here.</p>
      <Field label="Token" name="token" isRequired maxLength={200} autoComplete="off" mono value={token} onChange={setToken} />
      {making.isError ? <Trouble error={making.error} says={saysOf(making.error)} /> : null}
      <Button type="submit" busy={making.isPending}>
        Create a new passkey
      </Button>
    </Form>
  )
}

async function madeWith(token: string): Promise<Factors> {
  const how = { authorization: `Bearer ${token}` }
  const { challenge_id, options } = await client.call('beginEnrolment', { body: {} }, how)
  const made = await client.call('finishEnrolment', { body: { challenge_id, credential: await passkeys.register(options) } }, how)
  if (!('totp' in made)) throw new Error('a passkey alone lets nobody in')
  return made
}

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' })

function saysOf(error: unknown) {
  if (isRefused(error, 'enrolment.waiting'))
    return { title: 'It does not work yet.', detail: `So that you could stop it, it waits until ${EXACT.format(new Date(String(error.problem.usable_from)))}.` }
  if (isRefused(error, 'enrolment.unknown'))
    return { title: 'There is no such token.', detail: 'Copy all of it. One that was stopped or used opens nothing any more: ask for another.' }
  if (error instanceof Error && error.name === 'NotAllowedError')
    return { title: 'No passkey was made.', detail: 'The device was asked and did not answer, or you said no. Try again.' }
  return undefined
}
