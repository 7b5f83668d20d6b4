import { Button as AriaButton, type ButtonProps } from 'react-aria-components'
import styles from './button.module.css'

interface Props extends Omit<ButtonProps, 'className' | 'isPending' | 'children'> {
  readonly children: React.ReactNode
  readonly look?: 'first' | 'second' | 'danger' | 'quiet'
  /** While it works it cannot be pressed again, and says so. */
  readonly busy?: boolean
}

export function Button({ look = 'first', busy = false, isDisabled = false, children, ...rest }: Props) {
  return (
    <AriaButton {...rest} isDisabled={busy || isDisabled} className={`${styles.button} ${styles[look]}`}>
      {busy ? <span className={styles.dot} aria-hidden="true" /> : null}
      {children}
    </AriaButton>
  )
}
