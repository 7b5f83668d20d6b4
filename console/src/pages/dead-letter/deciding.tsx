import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { letterQuery } from './queries.ts'

/** Has the message handled once more, after it was seen what goes out; or notes that it needs no handling. */
export function Deciding({ id }: { readonly id: string }) {
  const [reason, setReason] = useState('')
  const queries = useQueryClient()
  const params = { id }
  const planning = useMutation({
    mutationFn: () => proven(() => client.call('redriveDeadLetter', { params, body: { reason: reason.trim(), dry_run: true } })),
  })
  const deciding = useMutation({
    mutationFn: (decision: 'redrive' | 'discard') =>
      proven(() => client.call(decision === 'redrive' ? 'redriveDeadLetter' : 'discardDeadLetter', { params, body: { reason: reason.trim() } })),
    onSuccess: () => {
      planning.reset()
      setReason('')
    },
    onSettled: () => Promise.all([queries.invalidateQueries(letterQuery(id)), queries.invalidateQueries({ queryKey: ['dead-letters'] })]),
  })
  const isReady = reason.trim().length >= 3
  const error = planning.error ?? deciding.error
  const message = planning.data?.message
  return (
    <Card title="Decide about it">
      <Form
        className={styles.stack ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!planning.isPending) planning.mutate()
        }}
      >
        <Field
          label="Reason"
          hint="A sentence that is kept for good with your name; no address."
          name="reason"
          value={reason}
          onChange={(text) => {
            planning.reset()
            setReason(text)
          }}
          isRequired
          minLength={3}
          maxLength={500}
          autoComplete="off"
        />
        {message ? (
          <p role="status">
            It would go out again as <code>{message.id}</code> on <code>{message.subject}</code>.
          </p>
        ) : null}
        <div className={styles.acts}>
          <Button type="submit" look={message ? 'second' : 'first'} busy={planning.isPending}>
            Show what a redrive would send
          </Button>
          {message ? (
            <Button busy={deciding.isPending && deciding.variables === 'redrive'} onPress={() => deciding.mutate('redrive')}>
              Redrive it now
            </Button>
          ) : null}
          <Button
            look="danger"
            busy={deciding.isPending && deciding.variables === 'discard'}
            isDisabled={!isReady || deciding.isPending}
            onPress={() => deciding.mutate('discard')}
          >
            Discard
          </Button>
        </div>
      </Form>
      {error === null ? null : <Trouble error={error} />}
      {deciding.isSuccess ? <p role="status">Noted: {deciding.data.decision?.decision}.</p> : null}
    </Card>
  )
}
