import type { Progress } from '@loomworks/client'
import styles from './page.module.css'

const PARTS = ['Your proofs are checked', 'Your account and your private memory are made', 'They are opened for you', 'You are let in'] as const

/** The running saga as four plain steps. */
export function Running({ progress }: { readonly progress: Progress | undefined }) {
  if (progress?.phase === 'undoing') return <p role="status">Something did not work. What was made is taken back …</p>
  const at = atOf(progress)
  return (
    <ol className={styles.running} aria-label="What happens now" aria-live="polite">
      {PARTS.map((part, n) => (
        <li key={part} className={n < at ? styles.done : n === at ? styles.now : undefined}>
          <span aria-hidden="true">{n < at ? '✓' : n === at ? '›' : '·'}</span>
          {part}
        </li>
      ))}
    </ol>
  )
}

function atOf(progress: Progress | undefined): number {
  if (progress === undefined) return 0
  if (progress.state === 'completed') return 3
  return progress.phase === 'activating' ? 2 : 1
}
