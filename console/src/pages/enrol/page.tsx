import type { Factors } from '@loomworks/client'
import { useState } from 'react'
import { Link } from 'react-router'
import { Threshold } from '../../parts/threshold.tsx'
import { Confirming } from './confirming.tsx'
import { Showing } from './showing.tsx'

/** With a token of an administrator: all factors are made anew, and what there was opens nothing from then on. */
export function Page() {
  const [made, setMade] = useState<{ readonly token: string; readonly factors: Factors }>()
  return (
    <Threshold title="Set up new factors">
      {made === undefined ? <Showing onMade={setMade} /> : <Confirming {...made} />}
      <p>
        Have your passkey? <Link to="/console/sign-in">Sign in</Link>
      </p>
    </Threshold>
  )
}
