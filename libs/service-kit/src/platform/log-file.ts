// Where logs go: every line to a file, warnings and errors also to the terminal, one line each.
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import type { LogTarget } from '../logger.ts'

export interface LogFile extends LogTarget {
  close(): Promise<void>
}

export function openLogFile(directory: string, terminal: (line: string) => void): LogFile {
  const file = createWriteStream(join(directory, 'loomworks.log'), { flags: 'a', mode: 0o600 })
  return {
    write(line) {
      file.write(line)
      const said = sentenceOf(line)
      if (said !== undefined) terminal(said)
    },
    close: () => new Promise((done) => file.end(done)),
  }
}

function sentenceOf(line: string): string | undefined {
  if (!/"level":"(?:warn|error)"/.test(line)) return undefined
  const { level, service, msg, err } = JSON.parse(line) as { level: string; service: string; msg: string; err?: { message?: string } }
  return `${level} ${service}: ${msg}${err?.message === undefined ? '' : ` (${err.message})`}`
}
