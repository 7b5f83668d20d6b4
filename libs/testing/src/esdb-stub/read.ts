// Reads of one stream and of everything, and the filtered subscription to everything.
import { once } from 'node:events'
import type { Faults } from './faults.ts'
import type { RecordedEvent, StubLog } from './log.ts'
import { type CallError, callError, caughtUp, checkpoint, confirmation, NOT_READY, notFoundAnswer, readAnswer, streamDeleted } from './messages.ts'
import type { IStreamsServer, ReadOptions, ReadResp } from './protocol.ts'

type ReadCall = Parameters<IStreamsServer['read']>[0]

const UNIMPLEMENTED = 12
const BACKWARDS = 1
const DEFAULT_WINDOW = 32

export interface Reading {
  readonly log: StubLog
  readonly faults: Faults
}

export function readOn({ log, faults }: Reading): IStreamsServer['read'] {
  return (call) => {
    const options = call.request.getOptions()
    const subscribing = options?.hasSubscription() === true
    const refusal = faults.refusalOf(subscribing ? 'subscribe' : 'read') ?? (faults.notReady ? NOT_READY : undefined)
    if (refusal !== undefined || options === undefined) return fail(call, refusal ?? callError(UNIMPLEMENTED, 'a read without options'))
    if (subscribing) void subscribe(call, { log, faults, options })
    else void faults.released('read').then(() => read(call, log, options))
  }
}

function fail(call: ReadCall, error: CallError): void {
  call.emit('error', error)
}

async function read(call: ReadCall, log: StubLog, options: ReadOptions): Promise<void> {
  const stream = options.getStream()
  const name = Buffer.from(stream?.getStreamIdentifier()?.getStreamName_asU8() ?? '').toString()
  if (stream !== undefined && log.isDeleted(name)) return fail(call, streamDeleted(name))
  if (stream !== undefined && log.stream(name).length === 0) call.write(notFoundAnswer(name))
  else for (const event of chosen(log, name, options)) if (!(await sent(call, readAnswer(event)))) return
  call.end()
}

function* chosen(log: StubLog, name: string, options: ReadOptions): Generator<RecordedEvent> {
  const back = options.getReadDirection() === BACKWARDS
  const events = options.hasStream() ? log.stream(name) : log.all
  const first = options.hasStream() ? firstOfStream(events, options) : firstOfAll(log, options)
  let open = BigInt(options.getCount())
  for (let index = first; index >= 0 && index < events.length && open > 0n; index += back ? -1 : 1, open--) {
    const event = events[index]
    if (event !== undefined) yield event
  }
}

function firstOfStream(events: readonly RecordedEvent[], options: ReadOptions): number {
  const stream = options.getStream()
  if (stream?.hasEnd()) return events.length - 1
  if (stream?.hasStart()) return options.getReadDirection() === BACKWARDS ? -1 : 0
  const revision = BigInt(stream?.getRevision() ?? '0')
  return revision < BigInt(events.length) ? Number(revision) : options.getReadDirection() === BACKWARDS ? events.length - 1 : events.length
}

/** Forwards from a position the event there is the first, backwards it is the one before. */
function firstOfAll(log: StubLog, options: ReadOptions): number {
  const all = options.getAll()
  const back = options.getReadDirection() === BACKWARDS
  if (all?.hasEnd()) return back ? log.all.length - 1 : log.all.length
  if (all?.hasStart()) return back ? -1 : 0
  const at = log.after(BigInt(all?.getPosition()?.getCommitPosition() ?? '0') - 1n)
  return back ? at - 1 : at
}

interface Subscribing extends Reading {
  readonly options: ReadOptions
}

/** Walks the log, tells of what matches, leaves checkpoints, says that the end was reached, and waits for more. */
async function subscribe(call: ReadCall, { log, faults, options }: Subscribing): Promise<void> {
  if (!options.hasAll()) return fail(call, callError(UNIMPLEMENTED, 'the stub has subscriptions to $all alone'))
  const waiting = new Waiting(log)
  const stop = faults.subscribed({
    end: (error) => {
      waiting.over = true
      fail(call, error)
    },
    mute: () => {
      waiting.mute = true
    },
  })
  call.on('cancelled', () => waiting.end())
  call.on('close', () => waiting.end())
  try {
    if (await sent(call, confirmation(crypto.randomUUID()))) await walk(call, { log, faults, options, waiting })
  } finally {
    stop()
    waiting.end()
  }
}

async function walk(call: ReadCall, { log, faults, options, waiting }: Subscribing & { readonly waiting: Waiting }): Promise<void> {
  const matches = matcherOf(options)
  const filter = options.getFilter()
  const interval = (filter?.hasMax() ? filter.getMax() : DEFAULT_WINDOW) * Math.max(1, filter?.getCheckpointintervalmultiplier() ?? 1)
  let considered = 0
  let live = false
  let index = firstOfSubscription(log, options)
  const first = index
  while (!waiting.over && !call.cancelled && !call.destroyed) {
    const event = waiting.mute ? undefined : log.all[index]
    if (event === undefined) {
      const before = log.all[index - 1]
      if (!live && index > first && before !== undefined && filter !== undefined) await sent(call, checkpoint(before.position))
      if (!live && faults.caughtUp !== 'never') await sent(call, caughtUp())
      if (!live && faults.caughtUp === 'twice') await sent(call, caughtUp())
      live = true
      await waiting.news(index)
      continue
    }
    index++
    if (matches(event.stream) && !(await sent(call, readAnswer(event)))) return
    if (++considered % interval === 0 && filter !== undefined && !(await sent(call, checkpoint(event.position)))) return
  }
}

function firstOfSubscription(log: StubLog, options: ReadOptions): number {
  const all = options.getAll()
  if (all?.hasEnd()) return log.all.length
  return all?.hasStart() ? 0 : log.after(BigInt(all?.getPosition()?.getCommitPosition() ?? '0'))
}

function matcherOf(options: ReadOptions): (stream: string) => boolean {
  const expression = options.getFilter()?.getStreamIdentifier()
  if (expression === undefined) return () => true
  const [prefixes, regex] = [expression.getPrefixList(), expression.getRegex()]
  if (regex !== '') return (stream) => new RegExp(regex).test(stream)
  return (stream) => prefixes.some((prefix) => stream.startsWith(prefix))
}

/** False when the call is over; waits while the client does not read on. */
async function sent(call: ReadCall, answer: ReadResp): Promise<boolean> {
  if (call.cancelled || call.destroyed) return false
  if (!call.write(answer)) await drained(call)
  return !call.cancelled && !call.destroyed
}

async function drained(call: ReadCall): Promise<void> {
  const over = new AbortController()
  const events = ['drain', 'cancelled', 'close'].map((name) => once(call, name, { signal: over.signal }))
  await Promise.race(events).catch(() => undefined)
  over.abort()
  await Promise.allSettled(events)
}

class Waiting {
  over = false
  mute = false
  readonly #log: StubLog
  readonly #stop: () => void
  #tell: () => void = () => undefined

  constructor(log: StubLog) {
    this.#log = log
    this.#stop = log.onStored(() => {
      if (!this.mute) this.#tell()
    })
  }

  /** Resolves when there is an event at this index, or all is over. */
  async news(index: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#tell = resolve
      if (this.over || (!this.mute && index < this.#log.all.length)) resolve()
    })
  }

  end(): void {
    this.over = true
    this.#stop()
    this.#tell()
  }
}
