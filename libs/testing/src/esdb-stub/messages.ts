// Between the log and the messages of the protocol, which are those that the client itself ships.
import { Metadata, status } from '@grpc/grpc-js'
import anyPb from 'google-protobuf/google/protobuf/any_pb.js'
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js'
import type { Decision, RecordedEvent, StreamState } from './log.ts'
import { type BatchAppendResp, type ReadResp, type Status, type StreamIdentifier, sharedPb, statusPb, streamsPb, type UUID } from './protocol.ts'

/** How a call ends that is not answered. */
export interface CallError {
  readonly code: number
  readonly details: string
  readonly metadata?: Metadata
}

export function callError(code: number, details: string, says: Readonly<Record<string, string>> = {}): CallError {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(says)) metadata.set(key, value)
  return { code, details, metadata }
}

export const NOT_READY = callError(status.UNAVAILABLE, 'Server Is Not Ready')

export function notLeader(host: string, port: number): CallError {
  return callError(status.NOT_FOUND, 'Leader info available', { exception: 'not-leader', 'leader-endpoint-host': host, 'leader-endpoint-port': String(port) })
}

export function streamDeleted(stream: string): CallError {
  return callError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, { exception: 'stream-deleted', 'stream-name': stream })
}

export function streamIdentifier(name: string): StreamIdentifier {
  return new sharedPb.StreamIdentifier().setStreamName(Buffer.from(name).toString('base64'))
}

export function uuid(text: string): UUID {
  return new sharedPb.UUID().setString(text)
}

/** A status in the answer to one append of a batch, with its detail packed as the server packs it. */
function statusOf(code: number, message: string, detail: { serializeBinary(): Uint8Array }, typeName: string): Status {
  const packed = new anyPb.Any()
  packed.pack(detail.serializeBinary(), typeName)
  return new statusPb.Status().setCode(code).setMessage(message).setDetails(packed)
}

export const TIMED_OUT = statusOf(status.DEADLINE_EXCEEDED, 'Timeout', new sharedPb.Timeout(), 'event_store.client.Timeout')
const UNRECOGNIZED = 'google.protobuf.Empty'

/** What the server says of a call that it did not handle: without a detail that the client knows. */
export function unhandled(message: string): Status {
  return statusOf(status.OK, message, new emptyPb.Empty(), UNRECOGNIZED)
}

export function badRequest(message: string): Status {
  return statusOf(status.INVALID_ARGUMENT, 'BadRequest', new sharedPb.BadRequest().setMessage(message), 'event_store.client.BadRequest')
}

export function tooLarge(most: number): Status {
  const detail = new sharedPb.MaximumAppendSizeExceeded().setMaxappendsize(most)
  return statusOf(status.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', detail, 'event_store.client.MaximumAppendSizeExceeded')
}

/** The answer to one append of a batch, without its correlation id. */
export function batchAnswer(stream: string, expected: StreamState, decision: Decision): BatchAppendResp {
  const answer = new streamsPb.BatchAppendResp().setStreamIdentifier(streamIdentifier(stream))
  switch (decision.kind) {
    case 'stored':
      return answer.setSuccess(
        new streamsPb.BatchAppendResp.Success().setCurrentRevision(String(decision.revision)).setPosition(allPosition(decision.position)),
      )
    case 'nothing_given':
      return answer.setSuccess(new streamsPb.BatchAppendResp.Success().setNoStream(new emptyPb.Empty()).setNoPosition(new emptyPb.Empty()))
    case 'deleted':
      return answer.setError(
        statusOf(
          status.NOT_FOUND,
          'StreamDeleted',
          new sharedPb.StreamDeleted().setStreamIdentifier(streamIdentifier(stream)),
          'event_store.client.StreamDeleted',
        ),
      )
    case 'wrong_version':
      return answer.setError(
        statusOf(status.ALREADY_EXISTS, 'WrongExpectedVersion', wrongVersion(expected, decision.current), 'event_store.client.WrongExpectedVersion'),
      )
  }
}

function wrongVersion(expected: StreamState, current: bigint | undefined) {
  const wrong = new sharedPb.WrongExpectedVersion()
  if (current === undefined) wrong.setCurrentNoStream(new emptyPb.Empty())
  else wrong.setCurrentStreamRevision(String(current))
  if (expected === 'no_stream') wrong.setExpectedNoStream(new emptyPb.Empty())
  else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new emptyPb.Empty())
  else if (expected === 'any') wrong.setExpectedAny(new emptyPb.Empty())
  else wrong.setExpectedStreamPosition(String(expected))
  return wrong
}

function allPosition(position: bigint) {
  return new sharedPb.AllStreamPosition().setCommitPosition(String(position)).setPreparePosition(String(position))
}

/** The answer to an append that came by itself. */
export function plainAnswer(expected: StreamState, decision: Exclude<Decision, { kind: 'deleted' }>) {
  const answer = new streamsPb.AppendResp()
  if (decision.kind === 'wrong_version') return answer.setWrongExpectedVersion(plainWrongVersion(expected, decision.current))
  const success = new streamsPb.AppendResp.Success()
  if (decision.kind === 'nothing_given') return answer.setSuccess(success.setNoStream(new sharedPb.Empty()).setNoPosition(new sharedPb.Empty()))
  const position = new streamsPb.AppendResp.Position().setCommitPosition(String(decision.position)).setPreparePosition(String(decision.position))
  return answer.setSuccess(success.setCurrentRevision(String(decision.revision)).setPosition(position))
}

function plainWrongVersion(expected: StreamState, current: bigint | undefined) {
  const wrong = new streamsPb.AppendResp.WrongExpectedVersion()
  if (current === undefined) wrong.setCurrentNoStream(new sharedPb.Empty())
  else wrong.setCurrentRevision(String(current))
  if (expected === 'no_stream') wrong.setExpectedNoStream(new sharedPb.Empty())
  else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new sharedPb.Empty())
  else if (expected === 'any') wrong.setExpectedAny(new sharedPb.Empty())
  else wrong.setExpectedRevision(String(expected))
  return wrong
}

export function readAnswer(event: RecordedEvent): ReadResp {
  const position = String(event.position)
  const recorded = new streamsPb.ReadResp.ReadEvent.RecordedEvent()
    .setId(uuid(event.id))
    .setStreamIdentifier(streamIdentifier(event.stream))
    .setStreamRevision(String(event.revision))
    .setPreparePosition(position)
    .setCommitPosition(position)
    .setCustomMetadata(event.metadata)
    .setData(event.data)
  const metadata = recorded.getMetadataMap()
  metadata.set('type', event.type)
  metadata.set('content-type', event.contentType)
  metadata.set('created', String(event.created))
  return new streamsPb.ReadResp().setEvent(new streamsPb.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(position))
}

export function notFoundAnswer(stream: string): ReadResp {
  return new streamsPb.ReadResp().setStreamNotFound(new streamsPb.ReadResp.StreamNotFound().setStreamIdentifier(streamIdentifier(stream)))
}

export function confirmation(id: string): ReadResp {
  return new streamsPb.ReadResp().setConfirmation(new streamsPb.ReadResp.SubscriptionConfirmation().setSubscriptionId(id))
}

export function checkpoint(position: bigint): ReadResp {
  return new streamsPb.ReadResp().setCheckpoint(new streamsPb.ReadResp.Checkpoint().setCommitPosition(String(position)).setPreparePosition(String(position)))
}

export function caughtUp(): ReadResp {
  return new streamsPb.ReadResp().setCaughtUp(new streamsPb.ReadResp.CaughtUp())
}
