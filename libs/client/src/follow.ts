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
 *  where that has nothing new to say and ends too, all is said. Throws Refused where the stream is refused, and ends when the signal aborts. */
export async function* followed<Data>(open: Open, { lastEventId, signal, onState }: Following): AsyncGenerator<Heard<Data>> {
  const leaving = new AbortController()
  const over = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal])
  const at: Standing = { last: lastEventId, retryMs: undefined, news: false }
  let failures = 0
  try {
    for (let resumed = false; ; resumed = true) {
      const answer = await open(at.last, over).catch((error: unknown) => {
        if (over.aborted || !resumed || (error instanceof Refused && error.status < 500)) throw error
      })
      failures = answer === undefined ? failures + 1 : 0
      Object.assign(at, { retryMs: undefined, news: false })
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

/** The events of one connection; true when it ended, false when it broke. */
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
      if (chunk.done) return !silent
      watch = setTimeout(fallsSilent, SILENT_MS)
      const blocks = (text + chunk.value).replaceAll('\r\n', '\n').split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const event = eventIn(block, at)
        if (event === undefined || event.id === at.last) continue
        at.last = event.id
        at.news = true
        yield { ...event, data: JSON.parse(event.data) }
      }
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw error
    return false
  } finally {
    clearTimeout(watch)
    await reader.cancel().catch(() => undefined)
  }
}

function eventIn(block: string, at: Standing): Heard<string> | undefined {
  const fields: Record<string, string> = {}
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? []
    fields[name] = name === 'data' && fields.data !== undefined ? `${fields.data}\n${value}` : value
  }
  if (fields.retry !== undefined) at.retryMs = Number(fields.retry)
  return fields.data === undefined ? undefined : { id: fields.id ?? at.last ?? '', event: fields.event ?? 'message', data: fields.data }
}
