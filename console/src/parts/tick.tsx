import { Checkbox, type CheckboxProps } from 'react-aria-components'
import styles from './tick.module.css'

export function Tick({ children, ...rest }: Omit<CheckboxProps, 'className' | 'children'> & { readonly children: React.ReactNode }) {
  return (
    <Checkbox {...rest} className={styles.tick ?? ''}>
      <span className={styles.box} aria-hidden="true">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M3 8.5l3.5 3.5L13 5" />
        </svg>
      </span>
      {children}
    </Checkbox>
  )
}
