import { isRefused } from '@loomworks/client'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Form } from 'react-aria-components'
import { useLocation } from 'react-router'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { Rows } from './rows.tsx'

/** By any id, or by an address. What is looked for stands in no address of a page, and each look-up of somebody is recorded once. */
export function Find() {
  const given = givenIn(useLocation().state)
  const [text, setText] = useState(given.find)
  const [reason, setReason] = useState('')
  const finding = useMutation({ mutationFn: () => found(text.trim(), reason.trim()) })
  const isAddress = text.includes('@')
  const isGiven = given.find !== '' && text === given.find
  const needsReason = isAddress || (isGiven && given.isPerson)
  const wantsReason = needsReason || isRefused(finding.error, 'saga.reason_required')
  const { mutate } = finding
  // Whoever clicked an id to get here has asked already; who looks a person up still says why.
  useEffect(() => {
    if (given.find !== '' && !given.isPerson) mutate()
  }, [given.find, given.isPerson, mutate])
  const items = finding.data?.items ?? []
  return (
    <Card title="Find one">
      <Form
        className={styles.find ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!finding.isPending && text.trim() !== '') finding.mutate()
        }}
      >
        <Field
          label="Id or e-mail address"
          hint="Of a saga, registration, person, engagement, grant, message, event or trace."
          name="find"
          value={text}
          onChange={setText}
          maxLength={254}
          autoComplete="off"
        />
        {wantsReason || reason !== '' ? (
          <Field
            label="Reason"
            hint="Who looks somebody up says why; it is recorded for good."
            name="reason"
            value={reason}
            onChange={setReason}
            minLength={3}
            maxLength={500}
            isRequired={needsReason}
            autoComplete="off"
          />
        ) : null}
        <div className={styles.go}>
          <Button type="submit" look="second" busy={finding.isPending} isDisabled={text.trim() === ''}>
            Find
          </Button>
        </div>
      </Form>
      {finding.isError ? <Trouble error={finding.error} /> : null}
      {finding.isSuccess ? <p role="status">{saysOf(items.length, finding.data.found_by)}</p> : null}
      {items.length > 0 ? <Rows items={items} label="Found" /> : null}
    </Card>
  )
}

/** What another page of the console gave on the way here. */
function givenIn(state: unknown): { readonly find: string; readonly isPerson: boolean } {
  const { find, isPerson } = { find: '', isPerson: false, ...(state as object | null) }
  return { find: typeof find === 'string' ? find : '', isPerson: isPerson === true }
}

function found(text: string, reason: string) {
  if (text.includes('@')) return client.call('searchSagasByEmail', { body: { email: text, reason } })
  return client.call('searchSagas', { query: { q: text, ...(reason !== '' && { reason }) } })
}

function saysOf(count: number, by: string | null): string {
  if (by === null) return 'That is nothing that sagas have to do with.'
  return count === 0
    ? 'No saga belongs to this.'
    : `${count === 1 ? 'One saga belongs' : `${count} sagas belong`} to this ${by === 'id' ? 'one' : by === 'email' ? 'address' : by}.`
}
