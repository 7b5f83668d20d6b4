import { NavLink } from 'react-router'
import styles from './places.module.css'

interface Place {
  readonly to: string
  readonly name: string
  /** It is not where one is on the pages below it. */
  readonly end?: true
}

/** Where one can go beside this page. */
export function Places({ label, places }: { readonly label: string; readonly places: readonly Place[] }) {
  return (
    <nav className={styles.places} aria-label={label}>
      {places.map(({ to, name, end = false }) => (
        <NavLink key={to} to={to} end={end} className={({ isActive }) => (isActive ? `${styles.place} ${styles.here}` : (styles.place ?? ''))}>
          {name}
        </NavLink>
      ))}
    </nav>
  )
}

const OPERATIONS: readonly Place[] = [
  { to: '/console/operations/sagas', name: 'Sagas' },
  { to: '/console/operations/dead-letters', name: 'Dead letters' },
]

export function OperationsPlaces() {
  return <Places label="Operations" places={OPERATIONS} />
}
