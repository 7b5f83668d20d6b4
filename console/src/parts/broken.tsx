import { useRouteError } from 'react-router'
import { Threshold } from './threshold.tsx'
import { Trouble } from './trouble.tsx'

/** Where a page itself fails, or cannot be fetched. */
export function Broken() {
  return (
    <Threshold title="This page did not come">
      <Trouble error={useRouteError()} onRetry={() => location.reload()} />
    </Threshold>
  )
}
