import { Field } from './field.tsx'

interface Props {
  readonly value: string
  readonly onChange: (value: string) => void
}

/** The six digits that the authenticator app shows, as it shows them: some put a space in the middle. */
export function AppCode({ value, onChange }: Props) {
  return (
    <Field
      label="Code that the app shows"
      hint="Six digits"
      name="code"
      inputMode="numeric"
      autoComplete="one-time-code"
      isRequired
      pattern="[0-9 ]{6,7}"
      maxLength={7}
      mono
      value={value}
      onChange={onChange}
    />
  )
}

/** The digits alone, as services take them. */
export function digitsOf(shown: string): string {
  return shown.replaceAll(' ', '')
}
