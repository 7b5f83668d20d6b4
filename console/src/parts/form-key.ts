import { useRef } from 'react'

/** The Idempotency-Key of a form: the same for as long as it says the same, however often it is sent, and another one once it says something
 *  else or was answered (`answered` counts the answers). */
export function useFormKey(says: unknown, answered: unknown): string {
  const text = JSON.stringify([says, answered])
  const kept = useRef({ text: '', key: '' })
  if (kept.current.text !== text) kept.current = { text, key: crypto.randomUUID() }
  return kept.current.key
}
