import styles from './page.module.css'
import { useWindowTitle } from './window-title.ts'

interface Props {
  readonly title: string
  /** What the window says in its place, where the title names a person or what is theirs. */
  readonly windowTitle?: string
  readonly lead?: string | undefined
  readonly children: React.ReactNode
}

/** A page with its name. */
export function PageFrame({ title, windowTitle = title, lead, children }: Props) {
  useWindowTitle(windowTitle)
  return (
    <div className={styles.page}>
      <header>
        <h1>{title}</h1>
        {lead === undefined ? null : <p className={styles.lead}>{lead}</p>}
      </header>
      {children}
    </div>
  )
}
