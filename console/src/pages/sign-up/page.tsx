import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { pageAfterEntering, signedIn } from '../../app/signed-in.ts'
import { Threshold } from '../../parts/threshold.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { AboutStep } from './about-step.tsx'
import { FactorsStep } from './factors-step.tsx'
import styles from './page.module.css'
import { PasskeyStep } from './passkey-step.tsx'
import { type About, forget, resumed, type Standing } from './state.ts'

const STEPS = ['about', 'passkey', 'factors'] as const
const NAMES = { about: 'You', passkey: 'Passkey', factors: 'Authenticator' } as const

/** Three steps, each with what can go wrong in it; a reload comes back to the step it left. */
export function Page() {
  const first = useQuery({ queryKey: ['signup'], queryFn: ({ signal }) => resumed(signal), staleTime: Number.POSITIVE_INFINITY, gcTime: 0 })
  if (first.isPending) return <Waiting />
  return (
    <Threshold title="Sign up">
      {first.isError ? <Trouble error={first.error} onRetry={() => void first.refetch()} /> : <Steps first={first.data} />}
      <p>
        Have an account? <Link to="/console/sign-in">Sign in</Link>
      </p>
    </Threshold>
  )
}

function Steps({ first }: { readonly first: Standing }) {
  const [standing, stand] = useState<Standing>(first)
  const [about, setAbout] = useState<About>({ email: '', displayName: '' })
  const [query] = useSearchParams()
  const claimToken = query.get('token') ?? undefined
  const navigate = useNavigate()
  const queries = useQueryClient()
  const done = () => {
    forget()
    signedIn(queries)
    void navigate(pageAfterEntering())
  }
  const startOver = (trouble?: unknown) => {
    forget()
    stand({ at: 'about', ...(trouble !== undefined && { trouble }) })
  }
  return (
    <>
      <Progress at={standing.at} />
      {standing.at === 'about' && (
        <AboutStep about={about} claimToken={claimToken} trouble={standing.trouble} onAbout={setAbout} onBegun={(signUp) => stand({ at: 'passkey', signUp })} />
      )}
      {standing.at === 'passkey' && (
        <PasskeyStep signUp={standing.signUp} onMade={(factors) => stand({ at: 'factors', signUp: standing.signUp, factors })} onStartOver={startOver} />
      )}
      {standing.at === 'factors' && (
        <FactorsStep signUp={standing.signUp} factors={standing.factors} claimToken={claimToken} onDone={done} onStartOver={startOver} />
      )}
    </>
  )
}

function Progress({ at }: { readonly at: Standing['at'] }) {
  const here = STEPS.indexOf(at)
  return (
    <ol className={styles.steps} aria-label="Steps">
      {STEPS.map((step, n) => (
        <li key={step} className={n <= here ? styles.reached : undefined} aria-current={n === here ? 'step' : undefined}>
          {n + 1}. {NAMES[step]}
        </li>
      ))}
    </ol>
  )
}
