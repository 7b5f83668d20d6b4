const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** When, as people say it; the exact time on hover. */
export function Time({ at }: { readonly at: string }) {
  const exact = new Date(at)
  return (
    <time dateTime={at} title={exact.toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'long' })}>
      {relative(exact.getTime() - Date.now())}
    </time>
  )
}

function relative(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
  for (const [unit, size] of UNITS) if (Math.abs(seconds) >= size) return words.format(Math.round(seconds / size), unit)
  return 'just now'
}
