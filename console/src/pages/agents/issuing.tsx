import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Button } from '../../parts/button.tsx'
import { Choice } from '../../parts/choice.tsx'
import { Copy } from '../../parts/copy.tsx'
import { useFormKey } from '../../parts/form-key.ts'
import rows from '../../parts/rows.module.css'
import { Tick } from '../../parts/tick.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { tokensQuery } from './queries.ts'
import { GRANTABLE, type Grantable } from './words.ts'

const DAYS = [
  ['7', 'A week'],
  ['30', 'A month'],
  ['90', 'Three months'],
  ['365', 'A year'],
] as const

/** A new token: what it opens, for how long; shown once. */
export function Issuing({ agent, name }: { readonly agent: string; readonly name: string }) {
  const [isOpen, setOpen] = useState(false)
  const [token, setToken] = useState<string>()
  return (
    <>
      {token === undefined ? null : (
        <div className={styles.token} role="status">
          <p>Give this to the program; it is not shown again.</p>
          <code>{token}</code>
          <Copy text={token} label="Copy the token" />
        </div>
      )}
      {isOpen ? (
        <Asking
          agent={agent}
          name={name}
          onIssued={(issued) => {
            setToken(issued)
            setOpen(false)
          }}
          onLeave={() => setOpen(false)}
        />
      ) : (
        <div>
          <Button look="second" onPress={() => setOpen(true)} aria-label={`Make a token for ${name}`}>
            Make a token
          </Button>
        </div>
      )}
    </>
  )
}

interface Props {
  readonly agent: string
  readonly name: string
  readonly onIssued: (token: string | undefined) => void
  readonly onLeave: () => void
}

function Asking({ agent, name, onIssued, onLeave }: Props) {
  const [scopes, setScopes] = useState<readonly Grantable[]>(['memory.read'])
  const [days, setDays] = useState('90')
  const queries = useQueryClient()
  const key = useFormKey([agent, scopes, days], 0)
  const issuing = useMutation({
    mutationFn: () => proven(() => client.call('issueAgentToken', { params: { agent }, body: { scopes, expires_in_days: Number(days) } }, { key })),
    onSuccess: ({ token }) => onIssued(token),
    onSettled: () => queries.invalidateQueries(tokensQuery(agent)),
  })
  return (
    <Form
      className={rows.stack ?? ''}
      aria-label={`A token for ${name}`}
      onSubmit={(event) => {
        event.preventDefault()
        if (!issuing.isPending) issuing.mutate()
      }}
    >
      <fieldset className={styles.scopes}>
        <legend>It may</legend>
        {GRANTABLE.map(([scope, word, means], n) => (
          <Tick
            key={scope}
            autoFocus={n === 0}
            isSelected={scopes.includes(scope)}
            onChange={(may) => setScopes(GRANTABLE.map(([each]) => each).filter((each) => (each === scope ? may : scopes.includes(each))))}
          >
            <span>
              {word} <span className={rows.soft}>{means}</span>
            </span>
          </Tick>
        ))}
      </fieldset>
      <Choice label="It ends after" value={days} options={DAYS} onChange={setDays} />
      {issuing.isError ? <Trouble error={issuing.error} /> : null}
      <div className={rows.acts}>
        <Button type="submit" busy={issuing.isPending} isDisabled={scopes.length === 0}>
          Make it
        </Button>
        <Button look="quiet" onPress={onLeave}>
          Leave it
        </Button>
      </div>
    </Form>
  )
}
