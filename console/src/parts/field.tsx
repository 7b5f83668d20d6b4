import { FieldError, Input, Label, Text, TextField, type TextFieldProps } from 'react-aria-components'
import styles from './field.module.css'

interface Props extends Omit<TextFieldProps, 'className' | 'children'> {
  readonly label: string
  readonly hint?: string
  readonly mono?: boolean
}

/** A line of text with its name above and what is wrong with it below. */
export function Field({ label, hint, mono = false, ...rest }: Props) {
  return (
    <TextField {...rest} className={styles.field ?? ''}>
      <Label className={styles.label ?? ''}>{label}</Label>
      <Input className={mono ? `${styles.input} ${styles.mono}` : (styles.input ?? '')} />
      {hint === undefined ? null : (
        <Text slot="description" className={styles.hint ?? ''}>
          {hint}
        </Text>
      )}
      <FieldError className={styles.error ?? ''} />
    </TextField>
  )
}
