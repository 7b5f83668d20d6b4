// A log on disk, for a stub that is killed: one line for each append, on the disk before the append is acknowledged.
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { z } from 'zod'
import { type RecordedEvent, StubLog } from './log.ts'

const Line = z.array(
  z.object({
    stream: z.string(),
    revision: z.string(),
    position: z.string(),
    created: z.string(),
    id: z.string(),
    type: z.string(),
    contentType: z.string(),
    data: z.base64(),
    metadata: z.base64(),
  }),
)

export interface LogFile {
  readonly log: StubLog
  close(): void
}

/** Opens the log of a file, which is made where there is none. */
export function openLogFile(path: string): LogFile {
  const file = openSync(path, 'a+')
  const text = readFileSync(path, 'utf8')
  // A line that was cut off belongs to an append that nobody was told of.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  ftruncateSync(file, Buffer.byteLength(whole))
  const kept = whole.split('\n').filter(Boolean).flatMap(eventsOf)
  const keep = (events: readonly RecordedEvent[]) => {
    writeSync(file, `${JSON.stringify(events.map(lineOf))}\n`)
    fdatasyncSync(file)
  }
  return { log: new StubLog(kept, keep), close: () => closeSync(file) }
}

function eventsOf(line: string): readonly RecordedEvent[] {
  return Line.parse(JSON.parse(line)).map(({ revision, position, created, data, metadata, ...rest }) => ({
    ...rest,
    revision: BigInt(revision),
    position: BigInt(position),
    created: BigInt(created),
    data: Buffer.from(data, 'base64'),
    metadata: Buffer.from(metadata, 'base64'),
  }))
}

function lineOf({ revision, position, created, data, metadata, ...rest }: RecordedEvent) {
  return {
    ...rest,
    revision: String(revision),
    position: String(position),
    created: String(created),
    data: Buffer.from(data).toString('base64'),
    metadata: Buffer.from(metadata).toString('base64'),
  }
}
