import type { Reply } from '@loomworks/client'
import { useMutation } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { sentenceOf } from './words.ts'

type Divergence = NonNullable<Reply<'replaySaga'>['divergence']>

/** Would it be decided today as it was then? */
export function Replayed({ id }: { readonly id: string }) {
  const replaying = useMutation({ mutationFn: () => client.call('replaySaga', { params: { id } }) })
  return (
    <Card title="Replay">
      <p>Its stored causes are told to the decision as it is now. Nothing is changed by it.</p>
      <div>
        <Button look="second" busy={replaying.isPending} onPress={() => replaying.mutate()}>
          Replay
        </Button>
      </div>
      {replaying.isError ? <Trouble error={replaying.error} /> : null}
      {replaying.data === undefined ? null : (
        <div role="status">
          {replaying.data.divergence === null ? <p>{replaying.data.decisions} decisions, each as it was.</p> : <Difference {...replaying.data.divergence} />}
        </div>
      )}
    </Card>
  )
}

function Difference({ revision, cause, stored, decided }: Divergence) {
  return (
    <dl className={styles.ids}>
      <dt>The first difference</dt>
      <dd>
        at event {revision}, caused by <code>{cause}</code>
      </dd>
      <dt>As it was</dt>
      <dd>{stored === null ? 'nothing more' : sentenceOf(stored)}</dd>
      <dt>As it would be now</dt>
      <dd>{decided === null ? 'nothing more' : sentenceOf(decided)}</dd>
    </dl>
  )
}
