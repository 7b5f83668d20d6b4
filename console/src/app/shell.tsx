import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Navigate, NavLink, Outlet, useLocation } from 'react-router'
import { Answered } from '../parts/answered.tsx'
import { PageFrame } from '../parts/page.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { Ended } from './ended.tsx'
import { meQuery } from './queries.ts'
import styles from './shell.module.css'
import { wantedPage } from './signed-in.ts'

const PLACES = [
  { to: '/console/', end: true, name: 'Home', icon: 'M4 11l8-7 8 7v9h-5v-6H9v6H4z' },
  {
    to: '/console/engagements',
    end: false,
    name: 'Engagements',
    icon: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM16 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 20c0-4 3-6 6-6s6 2 6 6M14 14c4 0 8 1 8 6',
  },
  { to: '/console/activity', end: false, name: 'Activity', icon: 'M3 12h4l3-8 4 16 3-8h4' },
  { to: '/console/credit', end: false, name: 'Credit', icon: 'M3 7h18v11H3zM3 11h18' },
  { to: '/console/settings', end: false, name: 'Settings', icon: 'M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M8 15v4' },
] as const

/** For those who run the deployment; who is none of them is refused there by the services. */
const OPERATIONS = {
  to: '/console/operations',
  end: false,
  name: 'Operations',
  icon: 'M5 4v6M5 14v6M12 4v3M12 11v9M19 4v9M19 17v3M3 12h4M10 9h4M17 15h4',
} as const

/** Who is not in comes back to the page they wanted once they are. */
function Outside() {
  const { pathname, search } = useLocation()
  useEffect(() => wantedPage(`${pathname}${search}`), [pathname, search])
  return <Navigate to="/console/welcome" replace />
}

/** Of what was here before another person came nothing is left: all of it is loaded anew. */
function Another() {
  useEffect(() => location.assign('/console/'), [])
  return <Waiting />
}

/** The frame of every page of a person: where one can go, and the page itself. Who is not logged in is sent to the welcome; whose session ended
 *  stays, with what they typed, and signs in again over the page. */
export function Shell() {
  const me = useQuery(meQuery)
  const [here, setHere] = useState<string>()
  if (me.data === null) return <Outside />
  if (me.data !== undefined && here === undefined) setHere(me.data.id)
  if (me.data !== undefined && here !== undefined && me.data.id !== here) return <Another />
  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#content">
        Skip to the content
      </a>
      <Rail roles={me.data?.roles ?? []} />
      <main className={styles.content} id="content" tabIndex={-1}>
        {me.data === undefined ? (
          <PageFrame title="One moment">
            <Answered result={me}>{() => null}</Answered>
          </PageFrame>
        ) : (
          <Outlet />
        )}
      </main>
      {me.data === undefined ? null : <Ended error={me.error} />}
    </div>
  )
}

function Rail({ roles }: { readonly roles: readonly string[] }) {
  const operates = roles.some((role) => role === 'ops' || role === 'auditor')
  return (
    <nav className={styles.rail} aria-label="Main">
      <ul>
        {[...PLACES, ...(operates ? [OPERATIONS] : [])].map(({ to, end, name, icon }) => (
          <li key={to}>
            <NavLink to={to} end={end} className={({ isActive }) => (isActive ? `${styles.place} ${styles.here}` : (styles.place ?? ''))}>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={icon} />
              </svg>
              {name}
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  )
}
