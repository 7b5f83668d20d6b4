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

export function CompanionName({ name }: { readonly name: string }) {
  return (
    <Naming title="Your Companion" label="Its name" act="Rename your Companion" field="companion-name" former={name} most={50} done="It is called">
      {(now) => client.call('nameCompanion', { body: { name: now } })}
    </Naming>
  )
}

export function OwnName({ name }: { readonly name: string }) {
  return (
    <Naming title="You" label="Your name" act="Rename yourself" field="display-name" former={name} most={80} done="You are called">
      {(now) => client.call('changeDisplayName', { body: { display_name: now } })}
    </Naming>
  )
}

interface Props {
  readonly title: string
  readonly label: string
  /** What the button does, beginning with what it says. */
  readonly act: string
  readonly field: string
  readonly former: string
  readonly most: number
  /** The sentence that the new name ends. */
  readonly done: string
  readonly children: (name: string) => Promise<unknown>
}

function Naming({ title, label, act, field, former, most, done, children }: Props) {
  const [name, setName] = useState(former)
  const queries = useQueryClient()
  const naming = useMutation({ mutationFn: () => children(name), onSuccess: () => queries.invalidateQueries(meQuery) })
  return (
    <Card title={title}>
      <Form
        className={rows.line ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!naming.isPending) naming.mutate()
        }}
      >
        <Field label={label} name={field} isRequired maxLength={most} value={name} onChange={setName} />
        <Button type="submit" busy={naming.isPending} isDisabled={name === former} aria-label={act}>
          Rename
        </Button>
      </Form>
      {naming.isError ? <Trouble error={naming.error} /> : null}
      <p role="status">{naming.isSuccess && name === former ? `${done} ${former} now.` : ''}</p>
    </Card>
  )
}
