import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { Field } from '../../parts/field.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { invitationsQuery } from './queries.ts'

/** Nobody becomes a member without a yes: an invitation is a link, shown once to who makes it. */
export function Invitations({ engagement }: { readonly engagement: string }) {
  const [email, setEmail] = useState('')
  const invitations = useQuery(invitationsQuery(engagement))
  const queries = useQueryClient()
  const again = () => queries.invalidateQueries(invitationsQuery(engagement))
  const inviting = useMutation({
    mutationFn: () => client.call('invite', { params: { engagement }, body: { designations: ['contributor'], ...(email !== '' && { email }) } }),
    onSuccess: () => setEmail(''),
    onSettled: again,
  })
  const revoking = useMutation({
    mutationFn: (invitation: string) => client.call('revokeInvitation', { params: { engagement, invitation } }),
    onSettled: again,
  })
  const open = invitations.data?.items.filter(({ state }) => state === 'open') ?? []
  const error = inviting.error ?? revoking.error ?? invitations.error
  const token = inviting.data?.token
  const link = token === undefined ? undefined : `${location.origin}/console/invitation?token=${token}`
  return (
    <Card title="Invitations">
      <Form
        className={rows.line ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!inviting.isPending) inviting.mutate()
        }}
      >
        <Field label="For whom" hint="An address, or nobody in particular" name="email" type="email" maxLength={254} value={email} onChange={setEmail} />
        <Button type="submit" busy={inviting.isPending}>
          Invite
        </Button>
      </Form>
      {link === undefined ? null : (
        <p className={styles.link} role="status">
          Send this link; it is not shown again: <code>{link}</code> <Copy text={link} label="Copy the link" />
        </p>
      )}
      {open.length === 0 ? (
        <p className={rows.soft}>No invitation is open.</p>
      ) : (
        <ul className={rows.rows}>
          {open.map(({ id, email: to, designations, expires_at }) => (
            <li key={id} className={rows.row}>
              <div>
                <p className={rows.name}>{to ?? 'Whoever has the link'}</p>
                <p className={rows.soft}>
                  as {designations.join(', ')}, ends <Time at={expires_at} />
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
      )}
      {error === null ? null : <Trouble error={error} />}
    </Card>
  )
}
