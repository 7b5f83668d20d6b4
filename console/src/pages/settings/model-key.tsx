import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { secretsQuery } from './queries.ts'

const PROVIDER = 'anthropic'

/** A key goes in and is never shown again. */
export function ModelKey() {
  const [key, setKey] = useState('')
  const secrets = useQuery(secretsQuery)
  const queries = useQueryClient()
  const again = () => queries.invalidateQueries(secretsQuery)
  const keeping = useMutation({
    mutationFn: () => client.call('keepMySecret', { params: { name: PROVIDER }, body: { value: key.trim(), kind: 'api_key' } }),
    onSuccess: () => setKey(''),
    onSettled: again,
  })
  const removing = useMutation({ mutationFn: () => client.call('removeMySecret', { params: { name: PROVIDER } }), onSettled: again })
  const kept = secrets.data?.items.find(({ name, kind }) => name === PROVIDER && kind === 'api_key')
  const error = keeping.error ?? removing.error ?? secrets.error
  return (
    <Card title="A model key of your own">
      <p className={rows.soft}>With it your Companion uses the model on your account, and no credit is needed. It is kept sealed and shown to nobody.</p>
      {kept === undefined ? null : (
        <div className={rows.row}>
          <p>
            A key that ends in <code>{kept.last4}</code>, kept <Time at={kept.rotated_at ?? kept.created_at} />
          </p>
          <Button look="danger" busy={removing.isPending} onPress={() => removing.mutate()}>
            Remove
          </Button>
        </div>
      )}
      <Form
        className={rows.line ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!keeping.isPending) keeping.mutate()
        }}
      >
        <Field
          label={kept === undefined ? 'Key' : 'Another key in its place'}
          name="model-key"
          type="password"
          autoComplete="off"
          isRequired
          maxLength={8192}
          mono
          value={key}
          onChange={setKey}
        />
        <Button type="submit" busy={keeping.isPending}>
          Keep
        </Button>
      </Form>
      {error === null ? null : <Trouble error={error} />}
    </Card>
  )
}
