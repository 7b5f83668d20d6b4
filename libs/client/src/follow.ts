// Server-sent events (WHATWG HTML §9.2) as an async iterator that goes on where it was when a connection ends.
import { Refused } from './refused.ts'
import { waited } from './waited.ts'

export interface Heard<Data> {
  readonly id: string
  /** `resync` where what was missed is too old to be told: read anew. */
  readonly event: string
  readonly data: Data
}

export interface Following {
  /** The event after which to begin. */
  readonly lastEventId?: string
  readonly signal?: AbortSignal
  /** Told when the connection stands, and when it is being made anew. */
  readonly onState?: (state: 'live' | 'reconnecting') => void
}

type Open = (lastEventId: string | undefined, signal: AbortSignal) => Promise<Response>

const RETRY_MS = 500
const RETRY_MOST_MS = 30_000
/** The owner sends a comment every 15 s; a line that is silent for three of them is dead. */
const SILENT_MS = 45_000

/** The events, each once. A connection that breaks is made anew behind the last event, for as long as it takes; so is one that ends, and
 *  where that has nothing new to say and ends too, all is said. Throws Refused where the stream is refused, but waits as long as it is asked to
 *  (429, 503) where it is made anew, and ends when the signal aborts. */
export async function* followed<Data>(open: Open, { lastEventId, signal, onState }: Following): AsyncGenerator<Heard<Data>> {
  const leaving = new AbortController()
  const over = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal])
  const at: Standing = { last: lastEventId, retryMs: undefined, news: false }
  let failures = 0
  try {
    for (let resumed = false; ; resumed = true) {
      Object.assign(at, { retryMs: undefined, news: false })
      const answer = await open(at.last, over).catch((error: unknown) => {
        if (over.aborted || !resumed || (error instanceof Refused && error.status < 500 && error.status !== 429)) throw error
        if (error instanceof Refused && error.retryAfterS !== undefined) at.retryMs = error.retryAfterS * 1000
      })
      failures = answer === undefined ? failures + 1 : 0
      if (answer !== undefined) onState?.('live')
      const whole = answer !== undefined && (yield* heard<Data>(answer, at))
      if (whole && resumed && !at.news && at.retryMs === undefined) return
      onState?.('reconnecting')
      await waited(at.retryMs ?? (whole ? 0 : Math.min(RETRY_MS * 2 ** failures, RETRY_MOST_MS)), over)
    }
  } catch (error) {
    if (!over.aborted) throw error
  } finally {
    leaving.abort()
  }
}

interface Standing {
  last: string | undefined
  /** What the server asks to wait before coming again; said when it is about to stop. */
  retryMs: number | undefined
  news: boolean
}

/** The events of one connection; true when it ended, false when it broke, also in the middle of an event. */
async function* heard<Data>({ body }: Response, at: Standing): AsyncGenerator<Heard<Data>, boolean> {
  if (body === null) return true
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  let silent = false
  const fallsSilent = () => {
    silent = true
    reader.cancel().catch(() => undefined)
  }
  let watch = setTimeout(fallsSilent, SILENT_MS)
  try {
    for (;;) {
      const chunk = await reader.read()
      clearTimeout(watch)
      if (chunk.done) return !silent && text.trim() === ''
      watch = setTimeout(fallsSilent, SILENT_MS)
      text = (text + chunk.value).replaceAll('\r\n', '\n')
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const event = eventIn(text.slice(0, end), at)
        text = text.slice(end + 2)
        if (event === undefined || event.id === at.last) continue
        const data = JSON.parse(event.data)
        Object.assign(at, { last: event.id, news: true })
        yield { ...event, data }
      }
    }
  } catch (error) {
    // What cannot be read and is the last of its connection was cut off: the next one tells it whole.
    if (error instanceof SyntaxError && (text !== '' || !(await reader.read().catch(() => ({ done: true }))).done)) throw error
    return false
  } finally {
    clearTimeout(watch)
    await reader.cancel().catch(() => undefined)
  }
}

function eventIn(block: string, at: Standing): Heard<string> | undefined {
  const fields: Record<string, string> = {}
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^(\w+): ?(.*)$/s.exec(line) ?? []
    fields[name] = name === 'data' && fields.data !== undefined ? `${fields.data}\n${value}` : value
  }
  if (fields.retry !== undefined) at.retryMs = Number(fields.retry)
  return fields.data === undefined ? undefined : { id: fields.id ?? at.last ?? '', event: fields.event ?? 'message', data: fields.data }
}
