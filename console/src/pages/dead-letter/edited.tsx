import { isRefused } from '@loomworks/client'
import { FieldError, Label, Text, TextArea, TextField } from 'react-aria-components'
import field from '../../parts/field.module.css'
import rows from '../../parts/rows.module.css'

interface Props {
  readonly text: string
  readonly onText: (text: string) => void
}

/** The whole message as text, to be changed before it goes out again. */
export function Edited({ text, onText }: Props) {
  return (
    <TextField className={field.field ?? ''} name="message" value={text} onChange={onText} isInvalid={messageIn(text) === undefined} autoComplete="off">
      <Label className={field.label ?? ''}>The message as it goes out</Label>
      <TextArea className={`${field.input} ${field.text}`} rows={14} spellCheck="false" />
      <Text slot="description" className={field.hint ?? ''}>
        What is masked stays what it was. The original is kept.
      </Text>
      <FieldError className={field.error ?? ''}>This is no JSON object.</FieldError>
    </TextField>
  )
}

/** The message that a text says; undefined where it says none. */
export function messageIn(text: string): Record<string, unknown> | undefined {
  try {
    const said: unknown = JSON.parse(text)
    return typeof said === 'object' && said !== null && !Array.isArray(said) ? (said as Record<string, unknown>) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

interface Fault {
  readonly pointer: string
  readonly message: string
}

/** What of an edited message its readers would not take. */
export function Faults({ error }: { readonly error: unknown }) {
  if (!isRefused(error, 'dlq.edit_invalid')) return null
  const faults = error.problem.errors as readonly Fault[]
  return (
    <ul className={rows.stack} aria-label="What does not fit">
      {faults.map(({ pointer, message }) => (
        <li key={pointer}>
          <code>{pointer}</code>: {message}
        </li>
      ))}
    </ul>
  )
}
