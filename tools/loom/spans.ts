import { Failed } from './failed.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `30s`, `10min`, `2h` or `7d` in milliseconds. Failed 2 for anything else. */
export function spanIn(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})(ms|s|min|h|d)$/.exec(text) ?? []
  const ms = UNITS[unit]
  if (ms === undefined) throw new Failed(2, `${text} is no span of time: write it like 500ms, 30s, 10min, 2h or 7d.`)
  return Number(count) * ms
}

/** The same in words, for who reads. */
export function spanOf(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
