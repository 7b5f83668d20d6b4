// Appends, one by one and in batches, as the server takes them: what is malformed is answered twice, what is empty succeeds.
import type { Faults } from './faults.ts'
import type { ProposedEvent, StreamState, StubLog } from './log.ts'
import {
  badRequest,
  batchAnswer,
  callError,
  NOT_READY,
  plainAnswer,
  streamDeleted,
  streamIdentifier,
  TIMED_OUT,
  tooLarge,
  unhandled,
  uuid,
} from './messages.ts'
import { type BatchAppendReq, type BatchAppendResp, type IStreamsServer, streamsPb } from './protocol.ts'

const MOST_BYTES = 1_048_576
const MALFORMED = 3

interface Message {
  getId(): { getString(): string } | undefined
  getMetadataMap(): { get(key: string): string | undefined }
  getData_asU8(): Uint8Array
  getCustomMetadata_asU8(): Uint8Array
}

interface PendingAppend {
  readonly stream: string
  readonly expected: StreamState
  readonly events: Message[]
}

type BatchCall = Parameters<IStreamsServer['batchAppend']>[0]

export interface Appending {
  readonly log: StubLog
  readonly faults: Faults
}

export function batchAppendOn(appending: Appending): IStreamsServer['batchAppend'] {
  return (call) => {
    const pending = new Map<string, PendingAppend>()
    call.on('data', (request: BatchAppendReq) => {
      const id = request.getCorrelationId()?.getString() ?? ''
      const append = pending.get(id) ?? pendingOf(request)
      pending.set(id, append)
      append.events.push(...request.getProposedMessagesList())
      if (!request.getIsFinal()) return
      pending.delete(id)
      void answerOne(call, { id, append, ...appending })
    })
    // The stream is answered to its end and not ended by the server.
    call.on('end', () => call.end())
    call.on('error', () => undefined)
  }
}

interface One extends Appending {
  readonly id: string
  readonly append: PendingAppend
}

async function answerOne(call: BatchCall, { id, append, log, faults }: One): Promise<void> {
  const send = (answer: BatchAppendResp) => {
    if (!call.cancelled && !call.destroyed) call.write(answer.setCorrelationId(uuid(id)))
  }
  const failed = (status: ReturnType<typeof badRequest>) =>
    new streamsPb.BatchAppendResp().setStreamIdentifier(streamIdentifier(append.stream)).setError(status)
  faults.appendsHeard++
  await faults.released('append')
  const refusal = faults.refusalOf('append')
  if (refusal !== undefined) return void call.emit('error', refusal)
  // An append that finds no node ready is answered by itself; the stream of appends goes on.
  if (faults.notReady) return send(failed(unhandled(NOT_READY.details)))
  const events = proposed(append.events)
  if (typeof events === 'string') {
    send(failed(badRequest(events)))
    // The entry stays among those that wait to be complete, and is answered again when its time is up.
    setTimeout(() => send(failed(TIMED_OUT)), faults.secondAnswerMs).unref()
    return
  }
  if (sizeOf(events) > MOST_BYTES) return send(failed(tooLarge(MOST_BYTES)))
  const answer = batchAnswer(append.stream, append.expected, log.append(append.stream, append.expected, events))
  if (!faults.dropsThisAnswer()) send(answer)
}

function pendingOf(request: BatchAppendReq): PendingAppend {
  const options = request.getOptions()
  const stream = Buffer.from(options?.getStreamIdentifier()?.getStreamName_asU8() ?? '').toString()
  return { stream, expected: expectedOf(options), events: [] }
}

function expectedOf(options: ReturnType<BatchAppendReq['getOptions']>): StreamState {
  if (options?.hasNoStream()) return 'no_stream'
  if (options?.hasStreamExists()) return 'stream_exists'
  if (options?.hasStreamPosition()) return BigInt(options.getStreamPosition())
  return 'any'
}

export function appendOn(appending: Appending): IStreamsServer['append'] {
  return (call, callback) => {
    let target: Target | undefined
    const messages: Message[] = []
    call.on('data', (request) => {
      const options = request.getOptions()
      if (options === undefined) messages.push(request.getProposedMessage())
      else target = { stream: Buffer.from(options.getStreamIdentifier()?.getStreamName_asU8() ?? '').toString(), expected: plainExpectedOf(options) }
    })
    call.on('end', () => void answerPlain({ target, messages, ...appending }, callback))
  }
}

interface Target {
  readonly stream: string
  readonly expected: StreamState
}

interface Plain extends Appending {
  readonly target: Target | undefined
  readonly messages: readonly Message[]
}

type PlainCallback = Parameters<IStreamsServer['append']>[1]

async function answerPlain({ target, messages, log, faults }: Plain, callback: PlainCallback): Promise<void> {
  faults.appendsHeard++
  await faults.released('append')
  const refusal = faults.refusalOf('append') ?? (faults.notReady ? NOT_READY : undefined)
  if (refusal !== undefined) return callback(refusal)
  const events = proposed(messages)
  if (typeof events === 'string' || target === undefined) return callback(callError(MALFORMED, String(events)))
  if (sizeOf(events) > MOST_BYTES) return callback(TOO_LARGE)
  const decision = log.append(target.stream, target.expected, events)
  if (faults.dropsThisAnswer()) return
  if (decision.kind === 'deleted') callback(streamDeleted(target.stream))
  else callback(null, plainAnswer(target.expected, decision))
}

const TOO_LARGE = callError(MALFORMED, `Maximum Append Size of ${MOST_BYTES} Exceeded.`, {
  exception: 'maximum-append-size-exceeded',
  'maximum-append-size': String(MOST_BYTES),
})

interface PlainOptions {
  hasNoStream(): boolean
  hasStreamExists(): boolean
  hasRevision(): boolean
  getRevision(): string
}

function plainExpectedOf(options: PlainOptions): StreamState {
  if (options.hasNoStream()) return 'no_stream'
  if (options.hasStreamExists()) return 'stream_exists'
  return options.hasRevision() ? BigInt(options.getRevision()) : 'any'
}

/** The events of an append, or what is malformed about one of them. */
function proposed(messages: readonly Message[]): readonly ProposedEvent[] | string {
  const events = messages.map((message) => ({
    id: (message.getId()?.getString() ?? '').toLowerCase(),
    type: message.getMetadataMap().get('type') ?? '',
    contentType: message.getMetadataMap().get('content-type') ?? '',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  }))
  if (events.some(({ id }) => !UUID.test(id))) return 'Guid should contain 32 digits with 4 dashes'
  return events.some(({ type }) => type === '') ? 'eventType should not be empty' : events
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function sizeOf(events: readonly ProposedEvent[]): number {
  return events.reduce((sum, { type, data, metadata }) => sum + Buffer.byteLength(type) + data.length + metadata.length, 0)
}
