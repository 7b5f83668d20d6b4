import type { Item } from '@loomworks/client'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { Answered } from '../../parts/answered.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Choice } from '../../parts/choice.tsx'
import { Copy } from '../../parts/copy.tsx'
import { Field } from '../../parts/field.tsx'
import { useFormKey } from '../../parts/form-key.ts'
import { More } from '../../parts/more.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { DESIGNATIONS, type Designation, designated } from '../engagements/words.ts'
import styles from './page.module.css'
import { invitationsQuery } from './queries.ts'

/** Nobody becomes a member without a yes: an invitation is a link, shown once to who makes it. */
export function Invitations({ engagement }: { readonly engagement: string }) {
  const invitations = useInfiniteQuery(invitationsQuery(engagement))
  return (
    <Card title="Invitations">
      <Answered result={invitations}>
        {({ pages }) => (
          <>
            <Inviting engagement={engagement} />
            <Open engagement={engagement} open={pages.flatMap(({ items }) => items).filter(({ state }) => state === 'open')} />
          </>
        )}
      </Answered>
      <More list={invitations} />
    </Card>
  )
}

function Inviting({ engagement }: { readonly engagement: string }) {
  const [email, setEmail] = useState('')
  const [as, setAs] = useState<Designation>('contributor')
  const queries = useQueryClient()
  const [made, setMade] = useState(0)
  const key = useFormKey([engagement, email, as], made)
  const inviting = useMutation({
    mutationFn: () => client.call('invite', { params: { engagement }, body: { designations: [as], ...(email !== '' && { email }) } }, { key }),
    onSuccess: () => {
      setEmail('')
      setMade(made + 1)
    },
    onSettled: () => queries.invalidateQueries(invitationsQuery(engagement)),
  })
  const token = inviting.data?.token
  const link = token === undefined ? undefined : `${location.origin}/console/invitation?token=${token}`
  return (
    <>
      <Form
        className={styles.inviting ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!inviting.isPending) inviting.mutate()
        }}
      >
        <Field label="For whom" hint="An address, or nobody in particular" name="email" type="email" maxLength={254} value={email} onChange={setEmail} />
        <Choice label="As" value={as} options={DESIGNATIONS} onChange={(chosen) => setAs(DESIGNATIONS.find(([each]) => each === chosen)?.[0] ?? as)} />
        <Button type="submit" busy={inviting.isPending}>
          Invite
        </Button>
      </Form>
      {inviting.isError ? <Trouble error={inviting.error} /> : null}
      {link === undefined ? null : (
        <div className={styles.link} role="status">
          <p>Send this link; it is not shown again.</p>
          <code>{link}</code>
          <Copy text={link} label="Copy the link" />
        </div>
      )}
    </>
  )
}

function Open({ engagement, open }: { readonly engagement: string; readonly open: readonly Item<'listInvitations'>[] }) {
  const queries = useQueryClient()
  const revoking = useMutation({
    mutationFn: (invitation: string) => client.call('revokeInvitation', { params: { engagement, invitation } }),
    onSettled: () => queries.invalidateQueries(invitationsQuery(engagement)),
  })
  if (open.length === 0) return <p className={rows.soft}>No invitation is open.</p>
  return (
    <>
      <ul className={rows.rows} aria-label="Open invitations">
        {open.map(({ id, email: to, designations, expires_at }) => (
          <li key={id} className={rows.row}>
            <div>
              <p className={rows.name}>{to ?? 'Whoever has the link'}</p>
              <p className={rows.soft}>
                {designated(designations)}, ends <Time at={expires_at} />
              </p>
            </div>
            <Button
              look="second"
              busy={revoking.isPending && revoking.variables === id}
              onPress={() => revoking.mutate(id)}
              aria-label={`Take back the invitation of ${to ?? 'whoever has the link'}`}
            >
              Take back
            </Button>
          </li>
        ))}
      </ul>
      {revoking.isError ? <Trouble error={revoking.error} /> : null}
    </>
  )
}
