import { useQuery } from '@tanstack/react-query'
import { useParams } from 'react-router'
import { meQuery } from '../../app/queries.ts'
import { Answered } from '../../parts/answered.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { OperationsPlaces } from '../../parts/places.tsx'
import { Actions } from './actions.tsx'
import { Board } from './board.tsx'
import { Compared } from './compared.tsx'
import { useFollowing } from './following.ts'
import { Graph } from './graph.tsx'
import { Head } from './head.tsx'
import { sagaQuery } from './queries.ts'
import { Replayed } from './replayed.tsx'
import { Timeline } from './timeline.tsx'

export function Page() {
  const { saga: id = '' } = useParams()
  // One saga's page keeps nothing of another's.
  return <OneSaga key={id} id={id} />
}

function OneSaga({ id }: { readonly id: string }) {
  const { data: me } = useQuery(meQuery)
  const saga = useQuery(sagaQuery(id))
  const isOpen = saga.data !== undefined && saga.data.state !== 'completed' && saga.data.state !== 'aborted'
  const line = useFollowing(id, isOpen, saga.data?.revision)
  return (
    <PageFrame title={saga.data === undefined ? 'Saga' : `Saga ${saga.data.definition}`} lead={saga.data && `version ${saga.data.version}`}>
      <OperationsPlaces />
      <Answered result={saga}>
        {(found) => (
          <>
            <Head saga={found} line={line} />
            {me?.roles.includes('ops') ? <Actions saga={found} /> : null}
            <Graph graph={found.graph} />
            <Board board={found.board} participants={found.participants} />
            <Timeline id={id} />
            <Compared id={id} />
            <Replayed id={id} />
          </>
        )}
      </Answered>
    </PageFrame>
  )
}
