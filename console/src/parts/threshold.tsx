import styles from './threshold.module.css'
import { useWindowTitle } from './window-title.ts'

/** The frame of what one sees before one is in. */
export function Threshold({ title, children }: { readonly title: string; readonly children: React.ReactNode }) {
  useWindowTitle(title)
  return (
    <main className={styles.threshold}>
      <div className={styles.sheet}>
        <p className={styles.name}>Loomworks</p>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  )
}
