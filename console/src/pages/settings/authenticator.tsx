import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { meQuery } from '../../app/queries.ts'
import { Answered } from '../../parts/answered.tsx'
import { AppCode, digitsOf } from '../../parts/app-code.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { QrCode } from '../../parts/qr-code.tsx'
import { RecoveryCodes } from '../../parts/recovery-codes.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { credentialsQuery } from './queries.ts'

/** The second way in: the app, and the codes for when the passkey is lost. */
export function Authenticator() {
  const credentials = useQuery(credentialsQuery)
  const beginning = useMutation({ mutationFn: () => proven(() => client.call('beginTotp', { body: {} })) })
  const done = () => beginning.reset()
  return (
    <Card title="Authenticator app">
      <Answered result={credentials}>
        {({ totp }) =>
          totp === null ? (
            <p>There is none; without it your recovery codes open nothing.</p>
          ) : (
            <p>
              Set up <Time at={totp.confirmed_at} />.
            </p>
          )
        }
      </Answered>
      {beginning.isError ? <Trouble error={beginning.error} /> : null}
      {beginning.data === undefined ? (
        <div>
          <Button look="second" busy={beginning.isPending} onPress={() => beginning.mutate()}>
            Set up another app
          </Button>
        </div>
      ) : (
        <Confirm {...beginning.data.totp} onDone={done} />
      )}
    </Card>
  )
}

function Confirm({ secret, otpauth_uri, onDone }: { readonly secret: string; readonly otpauth_uri: string; readonly onDone: () => void }) {
  const [code, setCode] = useState('')
  const queries = useQueryClient()
  const confirming = useMutation({
    mutationFn: () => proven(() => client.call('verifyTotp', { body: { code: digitsOf(code) } })),
    onSuccess: async () => {
      await queries.invalidateQueries(credentialsQuery)
      onDone()
    },
  })
  return (
    <Form
      className={styles.stack ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        if (!confirming.isPending) confirming.mutate()
      }}
    >
      <p>Scan this with the new app. The old one works until the new one is confirmed.</p>
      <QrCode text={otpauth_uri} label="Secret for the authenticator app" />
      <p>
        <code>{secret}</code> <Copy text={secret} label="Copy the secret" />
      </p>
      <AppCode value={code} onChange={setCode} />
      {confirming.isError ? <Trouble error={confirming.error} /> : null}
      <div className={rows.acts}>
        <Button type="submit" busy={confirming.isPending}>
          Confirm
        </Button>
        <Button look="quiet" onPress={onDone}>
          Keep the old one
        </Button>
      </div>
    </Form>
  )
}

const FEW = 3

export function Codes() {
  const credentials = useQuery(credentialsQuery)
  const queries = useQueryClient()
  const renewing = useMutation({
    mutationFn: () => proven(() => client.call('renewRecoveryCodes')),
    onSuccess: () => Promise.all([queries.invalidateQueries(credentialsQuery), queries.invalidateQueries(meQuery)]),
  })
  return (
    <Card title="Recovery codes">
      <Answered result={credentials}>
        {({ recovery_codes: { left } }) => (
          <>
            <p>{left} of 10 are left. With one of them and the app you get back in without your passkey.</p>
            {left <= FEW ? <p className={styles.few}>Make new ones before they are used up.</p> : null}
          </>
        )}
      </Answered>
      {renewing.data === undefined ? null : (
        <>
          <p role="status">These are the new ones; the old ones open nothing any more. They are not shown again.</p>
          <RecoveryCodes codes={renewing.data.codes} />
        </>
      )}
      {renewing.isError ? <Trouble error={renewing.error} /> : null}
      <div>
        <Button look="second" busy={renewing.isPending} onPress={() => renewing.mutate()}>
          Make new codes
        </Button>
      </div>
    </Card>
  )
}
