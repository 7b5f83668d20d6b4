import type { Reply } from '@loomworks/client'
import styles from './page.module.css'

/** What differs, each with its place in the state: how it is on the one side, and how on the other. */
export function Differences({ differences }: Pick<Reply<'sagaDiff'>, 'differences'>) {
  return (
    <ul className={styles.changes}>
      {differences.map(({ path, left, right }) => (
        <li key={path}>
          <code>
            {path}: {textOf(left)} → {textOf(right)}
          </code>
        </li>
      ))}
    </ul>
  )
}

function textOf(value: unknown): string {
  return value === undefined ? '–' : JSON.stringify(value)
}
