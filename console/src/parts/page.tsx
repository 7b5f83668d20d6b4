import { useEffect } from 'react'
import styles from './page.module.css'

/** A page with its name, which the window's title has too; never a person's. */
export function PageFrame({ title, lead, children }: { readonly title: string; readonly lead?: string | undefined; readonly children: React.ReactNode }) {
  useEffect(() => {
    document.title = `${title} – Loomworks`
  }, [title])
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
