import type { Reply } from '@loomworks/client'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import rows from '../../parts/rows.module.css'
import { Sure } from '../../parts/sure.tsx'
import { Tick } from '../../parts/tick.tsx'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { credentialsQuery, sessionsQuery } from './queries.ts'

type Kept = Reply<'listCredentials'>['passkeys'][number]

/** One passkey: what is known of it, another name for it, and its end. */
export function Passkey({ passkey, isOnly }: { readonly passkey: Kept; readonly isOnly: boolean }) {
  const [isNaming, setNaming] = useState(false)
  const { id, display_name, state, backed_up, created_at, last_used_at } = passkey
  const queries = useQueryClient()
  const clearing = useMutation({
    mutationFn: () => proven(() => client.call('clearPasskey', { params: { id } })),
    onSettled: () => queries.invalidateQueries(credentialsQuery),
  })
  return (
    <li className={`${rows.row} ${styles.passkey}`}>
      <div>
        <p className={rows.name}>{display_name}</p>
        <p className={rows.soft}>
          {backed_up ? 'Kept in your password manager' : 'Kept on one device'}, made <Time at={created_at} />
          {last_used_at === null ? '' : ', used '}
          {last_used_at === null ? null : <Time at={last_used_at} />}
        </p>
        {state === 'suspect' ? <p>It is set aside and opens nothing: it may have been copied.</p> : null}
        {clearing.isError ? <Trouble error={clearing.error} /> : null}
      </div>
      {state === 'suspect' ? (
        <Button look="second" busy={clearing.isPending} onPress={() => clearing.mutate()} aria-label={`It is mine alone: ${display_name}`}>
          It is mine alone
        </Button>
      ) : null}
      {isNaming ? null : (
        <Button look="second" onPress={() => setNaming(true)} aria-label={`Rename ${display_name}`}>
          Rename
        </Button>
      )}
      {isOnly ? null : <Removing id={id} name={display_name} />}
      {isNaming ? <Naming id={id} former={display_name} onDone={() => setNaming(false)} /> : null}
    </li>
  )
}

/** What it opened ends with it; the rest on wish. */
function Removing({ id, name }: { readonly id: string; readonly name: string }) {
  const [all, setAll] = useState(false)
  const queries = useQueryClient()
  const removing = useMutation({
    mutationFn: async () => {
      // First: where the session of this browser ends with the passkey, nothing could be ended afterwards.
      if (all) await client.call('revokeOtherSessions')
      await proven(() => client.call('removePasskey', { params: { id } }))
    },
    onSettled: () => Promise.all([queries.invalidateQueries(credentialsQuery), queries.invalidateQueries(sessionsQuery)]),
  })
  return (
    <>
      <Sure
        act="Remove"
        to={name}
        means={`${name} opens nothing any more, and every session that it opened ends.`}
        busy={removing.isPending}
        onSure={removing.mutate}
      >
        <Tick isSelected={all} onChange={setAll}>
          End all my other sessions too
        </Tick>
      </Sure>
      {removing.isError ? <Trouble error={removing.error} /> : null}
    </>
  )
}

interface NamingProps {
  readonly id: string
  readonly former: string
  readonly onDone: () => void
}

function Naming({ id, former, onDone }: NamingProps) {
  const [name, setName] = useState(former)
  const queries = useQueryClient()
  const naming = useMutation({
    mutationFn: () => proven(() => client.call('renamePasskey', { params: { id }, body: { display_name: name } })),
    onSuccess: async () => {
      await queries.invalidateQueries(credentialsQuery)
      onDone()
    },
  })
  return (
    <Form
      className={styles.naming ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        if (!naming.isPending) naming.mutate()
      }}
    >
      <Field label="What you call it" name="passkey-name" autoFocus isRequired maxLength={50} autoComplete="off" value={name} onChange={setName} />
      {naming.isError ? <Trouble error={naming.error} /> : null}
      <div className={rows.acts}>
        <Button type="submit" busy={naming.isPending} isDisabled={name === former}>
          Keep the name
        </Button>
        <Button look="quiet" onPress={onDone}>
          Leave it
        </Button>
      </div>
    </Form>
  )
}
