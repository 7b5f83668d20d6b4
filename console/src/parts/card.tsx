import { useId } from 'react'
import styles from './card.module.css'

/** Something that can be acted on, under its name. */
export function Card({ title, children }: { readonly title: string; readonly children: React.ReactNode }) {
  const id = useId()
  return (
    <section className={styles.card} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}
