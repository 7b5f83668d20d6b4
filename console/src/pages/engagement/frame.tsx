import type { Reply } from '@loomworks/client'
import { useQuery } from '@tanstack/react-query'
import { useParams } from 'react-router'
import { Answered } from '../../parts/answered.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Places } from '../../parts/places.tsx'
import { designated, STATES } from '../engagements/words.ts'
import { engagementQuery } from './queries.ts'

export type Engagement = Reply<'showEngagement'>

/** What every page of one engagement stands in: what it is, and where one can go in it. */
export function EngagementFrame({ children }: { readonly children: (engagement: Engagement, isOperator: boolean) => React.ReactNode }) {
  const { engagement = '' } = useParams()
  const shown = useQuery(engagementQuery(engagement))
  const isOperator = shown.data?.my.designations.includes('operator') ?? false
  const own = `/console/engagements/${engagement}`
  return (
    <PageFrame
      title={shown.data === undefined ? 'Engagement' : (shown.data.title ?? 'Untitled engagement')}
      windowTitle="Engagement"
      lead={shown.data && leadOf(shown.data)}
    >
      {isOperator ? (
        <Places
          label="Engagement"
          places={[
            { to: own, name: 'Members', end: true },
            { to: `${own}/agents`, name: 'Agents' },
          ]}
        />
      ) : null}
      <Answered result={shown}>{(found) => children(found, isOperator)}</Answered>
    </PageFrame>
  )
}

function leadOf({ display_identifier, state, my }: Engagement): string {
  const [word] = STATES[state]
  return `${display_identifier === null ? '' : `${display_identifier} · `}${word} · you are: ${designated(my.designations)}`
}
