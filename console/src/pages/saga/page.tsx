import { useQuery } from '@tanstack/react-query'
import { useParams } from 'react-router'
import { meQuery } from '../../app/queries.ts'
import { OperationsPlaces } from '../../parts/operations-places.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { Actions } from './actions.tsx'
import { Board } from './board.tsx'
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
  if (saga.isPending) return <Waiting />
  if (saga.isError && saga.data === undefined) return <Trouble error={saga.error} onRetry={() => void saga.refetch()} />
  const { definition, version, graph, board, participants } = saga.data
  return (
    <PageFrame title={`Saga ${definition}`} lead={`version ${version}`}>
      <OperationsPlaces />
      <Head saga={saga.data} line={line} />
      {me?.roles.includes('ops') ? <Actions saga={saga.data} /> : null}
      <Graph graph={graph} />
      <Board board={board} participants={participants} />
      <Timeline id={id} />
      <Replayed id={id} />
    </PageFrame>
  )
}
