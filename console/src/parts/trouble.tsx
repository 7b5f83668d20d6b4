import { isRefused } from '@loomworks/client'
import { Button } from './button.tsx'
import { Copy } from './copy.tsx'
import styles from './trouble.module.css'

interface Props {
  readonly error: unknown
  /** In place of what the service says, where the page knows better what to do next. */
  readonly says?: { readonly title: string; readonly detail: string } | undefined
  readonly onRetry?: (() => void) | undefined
}

/** What went wrong, what to do next, and what support will ask for. */
export function Trouble({ error, says, onRetry }: Props) {
  const { title, detail, code, requestId } = toldOf(error)
  return (
    <div className={styles.trouble} role="alert">
      <p className={styles.title}>{says?.title ?? title}</p>
      <p>{says?.detail ?? detail}</p>
      {code === undefined ? null : (
        <p className={styles.code}>
          <code>{code}</code>
          {requestId === undefined ? null : <Copy text={requestId} label="Copy the request id" />}
        </p>
      )}
      {onRetry === undefined ? null : (
        <Button look="second" onPress={onRetry}>
          Try again
        </Button>
      )}
    </div>
  )
}

function toldOf(error: unknown): { readonly title: string; readonly detail: string; readonly code?: string; readonly requestId?: string } {
  if (isRefused(error)) return { title: error.message, detail: error.detail, code: error.code, ...(error.requestId !== '' && { requestId: error.requestId }) }
  if (error instanceof TypeError) return { title: 'Loomworks does not answer.', detail: 'Check the connection and try again.' }
  return { title: 'Something broke on this page.', detail: 'Load it again; nothing you did before is lost.' }
}
