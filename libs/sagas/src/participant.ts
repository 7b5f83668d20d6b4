// The participant's side: takes the commands of its service from the bus, runs them against their fences, and answers. Commit,
// publish the reply, await its acknowledgement, then acknowledge the command: a crash anywhere is a redelivery.
import { type Bus, type ConsumerSpec, type Consumption, type Delivery, type Verdict, verdictOf } from '@loomworks/bus'
import { COMMAND_MAX_BYTES, replySubject, SagaCommand, type SagaReply, type StepMessage } from '@loomworks/contracts'
import type { EventStore, Sealer } from '@loomworks/event-store'
import { type Clock, type JsonObject, Refusal, type ServiceName, systemClock, Terminal } from '@loomworks/kernel'
import { type Database, sqlState, type Tx } from '@loomworks/sql'
import { type Answer, errorAnswer, replyTo, textOf } from './answer.ts'
import { type Noting, noting } from './delivery-note.ts'
import { type Fences, FenceTable } from './fence-table.ts'
import { runRowStep } from './row-fence.ts'
import type { SagaStep, StepContext } from './step.ts'
import { runStreamStep, type StreamMeans } from './stream-fence.ts'

const DAY_MS = 86_400_000
/** Older commands than the bus keeps come from nowhere we know. */
const STALE_MS = 7 * DAY_MS
const EXPIRE_EVERY_MS = 3_600_000

export interface ParticipantOptions<Parts> {
  readonly service: ServiceName
  readonly bus: Bus
  readonly db: Database
  /** The schema that holds `saga_fence`. */
  readonly schema: string
  readonly steps: readonly SagaStep<Parts>[]
  readonly parts: Parts
  readonly instance: string
  readonly clock?: Clock
  /** Where stream steps write; a service with row steps alone needs none. */
  readonly eventStore?: EventStore
  readonly sealer?: Sealer
  /** Told of a step that was answered again from its fence. */
  readonly onDuplicate?: (step: string) => void
  /** Told when old fences could not be dropped; they are tried again an hour later. */
  readonly onTrouble?: (error: unknown) => void
}

/** The durable that a service's commands come through. */
export function sagaCommandConsumer(service: ServiceName): ConsumerSpec {
  return { stream: 'SAGA_CMD', durable: `saga-${service}`, filters: [`saga.cmd.${service}.>`], maxPending: 256, ackWaitMs: 30_000, service }
}

/** Runs the saga steps of a service until the consumption is stopped. */
export function consumeSagaCommands<Parts>(options: ParticipantOptions<Parts>): Consumption {
  const fences = new FenceTable(options.db, options.schema)
  const participant = participantOf(options, fences)
  const expire = () => void fences.expire().catch((error: unknown) => options.onTrouble?.(error))
  const timer = setInterval(expire, EXPIRE_EVERY_MS).unref()
  const consumption = options.bus.consume(sagaCommandConsumer(options.service), (delivery) => handled(options.bus, participant, delivery))
  return {
    stop(deadlineMs) {
      clearInterval(timer)
      return consumption.stop(deadlineMs)
    },
  }
}

function participantOf<Parts>(options: ParticipantOptions<Parts>, fences: FenceTable): Participant<Parts, Tx> {
  const { service, instance, steps, parts, clock = systemClock, eventStore, sealer, onDuplicate } = options
  const streams = eventStore === undefined ? undefined : { store: eventStore, cache: fences, service, sealer }
  return { service, instance, steps: new Map(steps.map((step) => [step.message.step, step])), parts, clock, fences, streams, onDuplicate }
}

async function handled<Parts>(bus: Bus, participant: Participant<Parts, Tx>, delivery: Delivery): Promise<Verdict> {
  const command = commandIn(delivery)
  const reply = await noted(participant, command, delivery)
  await bus.publish({ subject: replySubject(command.sagaId, command.step), id: reply.id, data: textOf(reply) })
  return 'ack'
}

/** A handler that fails leaves a note as well, where it can: the database may be what is missing. */
async function noted<Parts>(participant: Participant<Parts, Tx>, command: SagaCommand, delivery: Delivery): Promise<SagaReply> {
  const note = noting({ command, deliveryNo: delivery.deliveries, instance: participant.instance, clock: participant.clock })
  try {
    return await answerCommand(participant, command, note)
  } catch (error) {
    const isLast = 'dead' in Object(verdictOf(error, delivery))
    await participant.fences.note(note(isLast ? 'dead' : 'error', troubleOf(error))).catch(() => undefined)
    throw error
  }
}

function troubleOf(error: unknown): string {
  if (error instanceof Terminal || error instanceof Refusal) return error.code
  return sqlState(error) ?? (error instanceof Error ? error.name : 'unknown')
}

/** What is no command at all is dead at once: nobody could be answered. */
export function commandIn({ data }: Pick<Delivery, 'data'>): SagaCommand {
  if (Buffer.byteLength(data) > COMMAND_MAX_BYTES) throw new Terminal('schema', 'a saga command of more than 16 KiB')
  const parsed = SagaCommand.safeParse(jsonIn(data))
  if (!parsed.success) throw new Terminal('schema', 'not a saga command', { cause: parsed.error })
  return parsed.data
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A service as it takes part in sagas, without its bus. */
export interface Participant<Parts, T> {
  readonly service: ServiceName
  readonly instance: string
  readonly steps: ReadonlyMap<string, SagaStep<Parts, T>>
  readonly parts: Parts
  readonly clock: Clock
  readonly fences: Fences<T>
  readonly streams: StreamMeans | undefined
  /** Told of a step that was answered again from its fence. */
  readonly onDuplicate?: ((step: string) => void) | undefined
}

/** Runs one command against its fence. Throws where the bus should deliver it again. */
export async function answerCommand<Parts, T>(participant: Participant<Parts, T>, command: SagaCommand, note: Noting): Promise<SagaReply> {
  const answer = await answerOf(participant, command, note)
  if (answer.repeated) participant.onDuplicate?.(command.step)
  const reply = replyTo(command, answer, { service: participant.service, instance: participant.instance })
  textOf(reply)
  return reply
}

async function answerOf<Parts, T>(participant: Participant<Parts, T>, command: SagaCommand, note: Noting): Promise<Answer> {
  const step = participant.steps.get(command.step)
  const fault = faultOf(participant, command, step)
  if (step === undefined || typeof fault === 'string') {
    await participant.fences.note(note('error', String(fault)))
    return errorAnswer(String(fault))
  }
  return run(participant, step, { command, data: fault, context: contextOf(participant, command), note })
}

/** The data of the command, parsed; or the code that says what is wrong with it, before any fence is asked. */
function faultOf<Parts, T>({ clock }: Participant<Parts, T>, command: SagaCommand, step: SagaStep<Parts, T> | undefined): JsonObject | string {
  if (step === undefined) return 'saga.unknown_step'
  if (clock.now() - Date.parse(command.issuedAt) > STALE_MS) return 'saga.stale_command'
  if (command.v !== step.message.v) return 'saga.unknown_version'
  const parsed = schemaOf(step.message, command.dir)?.safeParse(command.data)
  return parsed?.success === true ? parsed.data : 'saga.schema'
}

function schemaOf(message: StepMessage, dir: 'do' | 'undo') {
  return dir === 'do' ? message.do : message.undo
}

interface Run<Parts> {
  readonly command: SagaCommand
  readonly data: JsonObject
  readonly context: StepContext<Parts>
  readonly note: Noting
}

function run<Parts, T>(participant: Participant<Parts, T>, step: SagaStep<Parts, T>, each: Run<Parts>): Promise<Answer> {
  if (step.kind === 'row') return runRowStep(participant.fences, { ...each, step })
  if (participant.streams === undefined) throw new Terminal('saga.no_event_store', `${each.command.step} writes a stream and was given no event store`)
  return runStreamStep(participant.streams, { ...each, step })
}

function contextOf<Parts, T>({ clock, parts }: Participant<Parts, T>, command: SagaCommand): StepContext<Parts> {
  const { sagaId, step, attempt, correlationId, traceparent, issuedAt, id: causationId } = command
  return { sagaId, step, attempt, correlationId, causationId, traceparent, issuedAt, clock, parts }
}
