import { Trouble } from './trouble.tsx'
import { Waiting } from './waiting.tsx'

interface Props<T> {
  readonly result: { readonly data: T | undefined; readonly error: unknown; readonly isError: boolean; refetch(): unknown }
  readonly children: (data: T) => React.ReactNode
}

/** What was asked for, once it is there. Where asking anew fails, what was there stays, and with it what was typed beside it. */
export function Answered<T>({ result: { data, error, isError, refetch }, children }: Props<T>) {
  const trouble = isError ? <Trouble error={error} onRetry={() => void refetch()} /> : null
  if (data === undefined) return trouble ?? <Waiting />
  return (
    <>
      {trouble}
      {children(data)}
    </>
  )
}
