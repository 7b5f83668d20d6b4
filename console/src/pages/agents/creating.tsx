import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { useFormKey } from '../../parts/form-key.ts'
import rows from '../../parts/rows.module.css'
import { Trouble } from '../../parts/trouble.tsx'
import { membersQuery } from '../engagement/queries.ts'
import { agentsQuery } from './queries.ts'

export function Creating({ engagement }: { readonly engagement: string }) {
  const [name, setName] = useState('')
  const [purpose, setPurpose] = useState('')
  const queries = useQueryClient()
  const key = useFormKey([engagement, name, purpose], 0)
  const creating = useMutation({
    mutationFn: () => client.call('createAgent', { params: { engagement }, body: { name, purpose } }, { key }),
    onSuccess: () => {
      setName('')
      setPurpose('')
    },
    onSettled: () => Promise.all([queries.invalidateQueries(agentsQuery(engagement)), queries.invalidateQueries(membersQuery(engagement))]),
  })
  return (
    <Card title="Create an agent">
      <p className={rows.soft}>You answer for it: should you be no operator here any more, its tokens open nothing.</p>
      <Form
        className={rows.stack ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!creating.isPending) creating.mutate()
        }}
      >
        <Field label="Name" name="agent-name" isRequired maxLength={80} autoComplete="off" value={name} onChange={setName} />
        <Field label="What it is for" name="purpose" isRequired maxLength={500} autoComplete="off" value={purpose} onChange={setPurpose} />
        <div>
          <Button type="submit" busy={creating.isPending}>
            Create
          </Button>
        </div>
      </Form>
      {creating.isError ? <Trouble error={creating.error} /> : null}
      <p role="status">{creating.isSuccess ? `${creating.data.name} is created. Make it a token to let it in.` : ''}</p>
    </Card>
  )
}
