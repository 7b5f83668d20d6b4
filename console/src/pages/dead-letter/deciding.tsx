import { isRefused } from '@loomworks/client'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { useFormKey } from '../../parts/form-key.ts'
import rows from '../../parts/rows.module.css'
import { Sure } from '../../parts/sure.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Edited, Faults, messageIn } from './edited.tsx'
import styles from './page.module.css'
import { letterQuery } from './queries.ts'

const UNFIT = { title: 'Edited so, it is no message that its readers take.', detail: 'Mend what is named below.' }

interface Props {
  readonly id: string
  readonly message: Readonly<Record<string, unknown>> | undefined
}

/** Has the message handled once more, as it is or as edited, after it was seen what goes out; or notes that it needs no handling. */
export function Deciding({ id, message: original }: Props) {
  const [reason, setReason] = useState('')
  /** Undefined: it goes out as it is. */
  const [text, setText] = useState<string>()
  const queries = useQueryClient()
  const message = text === undefined ? undefined : messageIn(text)
  const asked = { reason: reason.trim(), ...(message !== undefined && { message }) }
  const params = { id }
  const redriving = useFormKey(['redrive', id, asked], 0)
  const discarding = useFormKey(['discard', id, asked.reason], 0)
  const planning = useMutation({ mutationFn: () => proven(() => client.call('redriveDeadLetter', { params, body: { ...asked, dry_run: true } })) })
  const deciding = useMutation({
    mutationFn: (decision: 'redrive' | 'discard') =>
      proven(() =>
        decision === 'redrive'
          ? client.call('redriveDeadLetter', { params, body: asked }, { key: redriving })
          : client.call('discardDeadLetter', { params, body: { reason: asked.reason } }, { key: discarding }),
      ),
    onSuccess: () => {
      planning.reset()
      setReason('')
      setText(undefined)
    },
    onSettled: () => Promise.all([queries.invalidateQueries(letterQuery(id)), queries.invalidateQueries({ queryKey: ['dead-letters'] })]),
  })
  const changed =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      planning.reset()
      deciding.reset()
      set(value)
    }
  const error = planning.error ?? deciding.error
  const planned = planning.data?.message
  return (
    <Card title="Decide about it">
      <Form
        className={rows.stack ?? ''}
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
          onChange={changed(setReason)}
          isRequired
          minLength={3}
          maxLength={500}
          autoComplete="off"
        />
        {text === undefined ? null : <Edited text={text} onText={changed(setText)} />}
        {planned ? (
          <p role="status" className={styles.text}>
            It would go out again{message === undefined ? '' : ', as edited,'} as <code>{planned.id}</code> on <code>{planned.subject}</code>.
          </p>
        ) : null}
        {error === null ? null : <Trouble error={error} says={isRefused(error, 'dlq.edit_invalid') ? UNFIT : undefined} />}
        <Faults error={error} />
        <div className={rows.acts}>
          <Button
            type="submit"
            look={planned ? 'second' : 'first'}
            busy={planning.isPending}
            isDisabled={deciding.isPending || (text !== undefined && message === undefined)}
          >
            Show what a redrive would send
          </Button>
          {planned ? (
            <Button busy={deciding.isPending && deciding.variables === 'redrive'} isDisabled={deciding.isPending} onPress={() => deciding.mutate('redrive')}>
              Redrive it now
            </Button>
          ) : null}
          {original === undefined ? null : (
            <Button look="second" onPress={() => changed(setText)(text === undefined ? JSON.stringify(original, null, 2) : undefined)}>
              {text === undefined ? 'Edit it first' : 'Leave it as it was'}
            </Button>
          )}
          <Sure
            act="Discard"
            means="Nobody handles it. The letter stays, with your reason."
            busy={deciding.isPending && deciding.variables === 'discard'}
            isDisabled={asked.reason.length < 3}
            onSure={() => deciding.mutate('discard')}
          />
        </div>
      </Form>
      <p role="status">{deciding.isSuccess ? `Noted: ${deciding.data.decision?.decision}.` : ''}</p>
    </Card>
  )
}
