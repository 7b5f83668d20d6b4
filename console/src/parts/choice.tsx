import { useId } from 'react'
import styles from './field.module.css'

interface Props {
  readonly label: string
  readonly value: string
  readonly options: readonly (readonly [value: string, name: string, ...rest: string[]])[]
  readonly onChange: (value: string) => void
}

/** One of a few; the device's own list, which every keyboard and every phone knows. */
export function Choice({ label, value, options, onChange }: Props) {
  const id = useId()
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      <select id={id} className={styles.input} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([each, name]) => (
          <option key={each} value={each}>
            {name}
          </option>
        ))}
      </select>
    </div>
  )
}
