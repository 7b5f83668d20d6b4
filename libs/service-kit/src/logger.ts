import { pino } from 'pino'

/** Facts with fields; a JSON line each. No secret and no personal text is ever a field. */
export interface Log {
  debug(fields: object, fact: string): void
  info(fields: object, fact: string): void
  warn(fields: object, fact: string): void
  error(fields: object, fact: string): void
  child(fields: Readonly<Record<string, unknown>>): Log
}

export interface LogTarget {
  write(line: string): void
}

/** A log that writes JSON lines with `time`, `level` and the service to each target. */
export function makeLog(service: string, target: LogTarget, level: 'debug' | 'info' | 'warn' | 'error' = 'info'): Log {
  return pino({ level, base: { service }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, target)
}

export const silentLog: Log = { debug: noop, info: noop, warn: noop, error: noop, child: () => silentLog }

function noop(): void {}
