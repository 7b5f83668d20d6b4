import { useSyncExternalStore } from 'react'

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const
const ANEW_MS = 15_000

/** When, as people say it and as it goes on; the exact time on hover. */
export function Time({ at }: { readonly at: string }) {
  const now = useSyncExternalStore(eachWhile, thisWhile)
  const exact = new Date(at)
  return (
    <time dateTime={at} title={exact.toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'long' })}>
      {relative(exact.getTime() - now)}
    </time>
  )
}

function eachWhile(tell: () => void): () => void {
  const timer = setInterval(tell, ANEW_MS)
  return () => clearInterval(timer)
}

/** The same for as long as what is shown would be. */
function thisWhile(): number {
  return Math.floor(Date.now() / ANEW_MS) * ANEW_MS
}

function relative(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
  for (const [unit, size] of UNITS) if (Math.abs(seconds) >= size) return words.format(Math.round(seconds / size), unit)
  return 'just now'
}
