import styles from './waiting.module.css'

export function Waiting({ what = 'Loading' }: { readonly what?: string }) {
  return (
    <p className={styles.waiting} role="status">
      {what} …
    </p>
  )
}
