import { useId, useState } from 'react'
import { Button } from './button.tsx'
import rows from './rows.module.css'
import styles from './sure.module.css'

interface Props {
  /** What the button says, before and once it is sure. */
  readonly act: string
  /** To what, where there are several like it: `Bob`. */
  readonly to?: string
  /** What cannot be taken back, as a sentence. */
  readonly means: string
  readonly busy?: boolean
  readonly isDisabled?: boolean
  readonly onSure: () => void
  /** What may be chosen beside it. */
  readonly children?: React.ReactNode
}

/** Does what cannot be taken back on the second press; the first says what it means. */
export function Sure({ act, to, means, busy = false, isDisabled = false, onSure, children }: Props) {
  const [stands, setStands] = useState<'closed' | 'open' | 'left'>('closed')
  const id = useId()
  if (stands !== 'open')
    return (
      // Who leaves it goes on from where they were.
      <Button
        look="danger"
        autoFocus={stands === 'left'}
        busy={busy}
        isDisabled={isDisabled}
        onPress={() => setStands('open')}
        aria-label={to === undefined ? act : `${act} ${to}`}
      >
        {act}
      </Button>
    )
  return (
    <fieldset className={styles.sure} aria-labelledby={id}>
      <p id={id}>{means}</p>
      {children}
      <div className={rows.acts}>
        <Button look="danger" autoFocus busy={busy} onPress={onSure} aria-label={to === undefined ? `${act} now` : `${act} now: ${to}`}>
          {act} now
        </Button>
        <Button look="quiet" onPress={() => setStands('left')}>
          Leave it
        </Button>
      </div>
    </fieldset>
  )
}
