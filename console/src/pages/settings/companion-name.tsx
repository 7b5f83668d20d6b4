import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { meQuery } from '../../app/queries.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import rows from '../../parts/rows.module.css'
import { Trouble } from '../../parts/trouble.tsx'

export function CompanionName({ name: former }: { readonly name: string }) {
  const [name, setName] = useState(former)
  const queries = useQueryClient()
  const naming = useMutation({
    mutationFn: () => client.call('nameCompanion', { body: { name } }),
    onSuccess: () => queries.invalidateQueries(meQuery),
  })
  return (
    <Card title="Your Companion">
      <Form
        className={rows.line ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!naming.isPending) naming.mutate()
        }}
      >
        <Field label="Name" name="companion-name" isRequired maxLength={50} value={name} onChange={setName} />
        <Button type="submit" busy={naming.isPending} isDisabled={name === former}>
          Rename
        </Button>
      </Form>
      {naming.isError ? <Trouble error={naming.error} /> : null}
      <p role="status">{naming.isSuccess && name === former ? `It is called ${former} now.` : ''}</p>
    </Card>
  )
}
