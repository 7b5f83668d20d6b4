import { NavLink } from 'react-router'
import styles from './operations-places.module.css'

const PLACES = [
  { to: '/console/operations/sagas', name: 'Sagas' },
  { to: '/console/operations/dead-letters', name: 'Dead letters' },
] as const

/** Where an operator can go from each page of theirs. */
export function OperationsPlaces() {
  return (
    <nav className={styles.places} aria-label="Operations">
      {PLACES.map(({ to, name }) => (
        <NavLink key={to} to={to} className={({ isActive }) => (isActive ? `${styles.place} ${styles.here}` : (styles.place ?? ''))}>
          {name}
        </NavLink>
      ))}
    </nav>
  )
}
