import type { Item } from '@loomworks/client'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Actor } from '../../parts/actor.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import rows from '../../parts/rows.module.css'
import { Sure } from '../../parts/sure.tsx'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { Tokens } from './tokens.tsx'

const STATES = {
  active: ['Active', 'Its tokens open what they say.'],
  disabled: ['At rest', 'Its tokens open nothing until it is woken.'],
  retired: ['Retired', 'It has ended for good; what it wrote stays.'],
} as const

interface Props {
  readonly agent: Item<'listAgents'>
  readonly isMine: boolean
  readonly sponsor: string | undefined
}

type Change = 'rest' | 'wake' | 'sponsor' | 'retire'

/** One agent: who answers for it, how it stands, and what it gets in with. */
export function Agent({ agent: { id, name, purpose, state, sponsor: sponsorId, created_at }, isMine, sponsor }: Props) {
  const queries = useQueryClient()
  const params = { agent: id }
  const changing = useMutation({
    mutationFn: (change: Change): Promise<unknown> =>
      proven(() => {
        if (change === 'sponsor') return client.call('sponsorAgent', { params })
        if (change === 'retire') return client.call('retireAgent', { params })
        return client.call('changeAgent', { params, body: { state: change === 'rest' ? 'disabled' : 'active' } })
      }),
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['agents'] }), queries.invalidateQueries({ queryKey: ['agent-tokens', id] })]),
  })
  const isBusy = (change: Change) => changing.isPending && changing.variables === change
  const [word, means] = STATES[state]
  return (
    <Card title={name}>
      <div className={styles.about}>
        <p>
          <Actor kind="agent" /> <span title={means}>{word}</span>, created <Time at={created_at} />
        </p>
        <p>{purpose}</p>
        <p className={rows.soft}>
          {sponsorId === null ? 'Nobody answers for it.' : isMine ? 'You answer for it.' : `It is answered for by ${sponsor ?? 'somebody who is no member'}.`}
        </p>
      </div>
      {state === 'retired' ? null : (
        <>
          <Tokens agent={id} name={name} />
          <div className={rows.acts}>
            {isMine ? null : (
              <Button look="second" busy={isBusy('sponsor')} onPress={() => changing.mutate('sponsor')} aria-label={`Answer for it: ${name}`}>
                Answer for it
              </Button>
            )}
            <Button
              look="second"
              busy={isBusy('rest') || isBusy('wake')}
              onPress={() => changing.mutate(state === 'active' ? 'rest' : 'wake')}
              aria-label={`${state === 'active' ? 'Let it rest' : 'Wake it'}: ${name}`}
            >
              {state === 'active' ? 'Let it rest' : 'Wake it'}
            </Button>
            <Sure
              act="Retire"
              to={name}
              means={`${name} ends for good: its tokens open nothing any more, and it cannot be woken. What it wrote stays.`}
              busy={isBusy('retire')}
              onSure={() => changing.mutate('retire')}
            />
          </div>
        </>
      )}
      {changing.isError ? <Trouble error={changing.error} /> : null}
    </Card>
  )
}
