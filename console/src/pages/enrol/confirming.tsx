import type { Factors } from '@loomworks/client'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { signedIn } from '../../app/signed-in.ts'
import { AppCode, digitsOf } from '../../parts/app-code.tsx'
import { Button } from '../../parts/button.tsx'
import { NewFactors } from '../../parts/new-factors.tsx'
import rows from '../../parts/rows.module.css'
import { Trouble } from '../../parts/trouble.tsx'

/** A code of the app ends it: the new factors take the place of the old, and the person is in. */
export function Confirming({ token, factors }: { readonly token: string; readonly factors: Factors }) {
  const [code, setCode] = useState('')
  const [isStored, setStored] = useState(false)
  const navigate = useNavigate()
  const queries = useQueryClient()
  const finishing = useMutation({
    mutationFn: () => client.call('finishEnrolment', { body: { totp_code: digitsOf(code), session_delivery: 'cookie' } }, { authorization: `Bearer ${token}` }),
    onSuccess: () => {
      signedIn(queries)
      void navigate('/console/')
    },
  })
  return (
    <Form
      className={rows.stack ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        if (!finishing.isPending) finishing.mutate()
      }}
    >
      <NewFactors factors={factors} isStored={isStored} onStored={setStored} />
      <AppCode value={code} onChange={setCode} />
      {finishing.isError ? <Trouble error={finishing.error} /> : null}
      <Button type="submit" busy={finishing.isPending} isDisabled={!isStored}>
        Finish
      </Button>
    </Form>
  )
}
