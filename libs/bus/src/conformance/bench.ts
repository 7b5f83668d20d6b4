import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { newId } from '@loomworks/kernel'
import type { TestContext } from 'vitest'
import { expect } from 'vitest'
import { type Bus, type ConsumerSpec, type Delivery, laneOf, type Outgoing, type Stored, type StreamName, type Topology, type Verdict } from '../port.ts'

/** Buses on one server, as an adapter's test file makes them. */
export interface Bench {
  readonly bus: Bus
  /** The bus of another process on the same server; closed with the bench. */
  another(): Bus
  /** A bus that may publish on these subject filters alone. */
  as(mayPublish: readonly string[]): Promise<Bus>
  /** The server to mistreat, or why there is none. */
  readonly server: Server | string
  /** Takes the stream of dead letters away; what it gives brings it back, perhaps empty. */
  withoutDeadLetters(): Promise<() => Promise<void>>
  /** JavaScript that makes `bus` out of `args` in a process of its own. */
  readonly client: { readonly opening: string; readonly args: readonly string[] }
  close(): Promise<void>
}

export interface Server {
  /** Stops it in order; resolves when it answers again. */
  restart(): Promise<void>
  /** kill -9; resolves when it answers again. */
  kill(): Promise<void>
  /** It answers nothing more and closes nothing, until what this gives is called. */
  freeze(): Promise<() => void>
}

const DAY_MS = 86_400_000
/** Ids of replies are forgotten so soon that a test can wait for it. */
export const SHORT_WINDOW_MS = 500

const stream = (name: StreamName, subject: string, duplicateWindowMs = 120_000) =>
  ({ name, subjects: [subject], maxAgeMs: DAY_MS, maxBytes: 536_870_912, maxMessageBytes: 65_536, duplicateWindowMs }) as const

export const TOPOLOGY: Topology = {
  streams: [stream('SAGA_CMD', 'saga.cmd.>'), stream('SAGA_REP', 'saga.rep.>', SHORT_WINDOW_MS), stream('EVENTS', 'evt.>'), stream('DLQ', 'dlq.>')],
  consumers: [],
}

export const SERVICE = 'tester'
export const LIMITS = { timeout: 20_000, interval: 10 } as const

export function serverOf({ server }: Bench, skip: TestContext['skip']): Server {
  return typeof server === 'string' ? skip(server) : server
}

export function subjectOf(entity: string, type = 'Noted'): string {
  return `evt.${SERVICE}.${laneOf(entity)}.${entity}.${type}`
}

/** A message about an entity; `n` is its place in the story. */
export function note(entity: string, n = 0, id: string = newId()): Outgoing {
  return { subject: subjectOf(entity), id, data: JSON.stringify({ n }) }
}

export function notes(entity: string, count: number): readonly Outgoing[] {
  return Array.from({ length: count }, (_, n) => note(entity, n))
}

export function numberOf({ data }: Pick<Stored, 'data'>): number {
  return (JSON.parse(data) as { n: number }).n
}

export function idsOf(list: readonly { readonly id: string }[]): readonly string[] {
  return list.map(({ id }) => id)
}

/** A durable of this test alone, which hears what is said of one entity unless it says otherwise. */
export async function durable(bus: Bus, entity: string, over: Partial<ConsumerSpec> = {}): Promise<ConsumerSpec> {
  const filters = [`evt.${SERVICE}.*.${entity}.>`]
  const spec: ConsumerSpec = { stream: 'EVENTS', durable: `t-${newId()}`, filters, maxPending: 16, ackWaitMs: 10_000, service: SERVICE, ...over }
  await bus.ensure({ streams: [], consumers: [spec] })
  return spec
}

export interface Hearing extends AsyncDisposable {
  /** Every delivery, in the order in which handlers began. */
  readonly heard: Delivery[]
  stop(deadlineMs?: number): Promise<void>
}

/** Consumes and notes every delivery; acknowledges unless a handler says otherwise. */
export function hearing(bus: Bus, spec: ConsumerSpec, handler: (delivery: Delivery) => Verdict | Promise<Verdict> = () => 'ack'): Hearing {
  const heard: Delivery[] = []
  const consumption = bus.consume(spec, async (delivery) => {
    heard.push(delivery)
    return handler(delivery)
  })
  const stop = (deadlineMs = 200) => consumption.stop(deadlineMs)
  return { heard, stop, [Symbol.asyncDispose]: () => stop() }
}

/** A handler that says nothing, as one whose process died. */
export function silence(): Promise<never> {
  return new Promise(() => undefined)
}

export async function stored(bus: Bus, filter: string, name: StreamName = 'EVENTS'): Promise<readonly Stored[]> {
  return Array.fromAsync(bus.browse(name, filter))
}

export async function storedOf(bus: Bus, entity: string): Promise<readonly Stored[]> {
  return stored(bus, `evt.${SERVICE}.*.${entity}.>`)
}

/** The letters that were written over messages of this entity. */
export async function lettersOf(bus: Bus, entity: string): Promise<readonly Stored[]> {
  return (await stored(bus, `dlq.${SERVICE}.*`, 'DLQ')).filter(({ headers }) => headers['origin-subject']?.includes(entity))
}

/** Waits until so many deliveries were heard, and no more than that. */
export async function hears({ heard }: Pick<Hearing, 'heard'>, count: number): Promise<readonly Delivery[]> {
  await expect.poll(() => heard.length, LIMITS).toBeGreaterThanOrEqual(count)
  expect(heard).toHaveLength(count)
  return heard
}

/** Runs `program` in a process of its own, where `bus` and `given` are at hand. */
export function clientProcess({ client }: Bench, program: string, given: object): ChildProcess {
  const code = `const { args, given } = JSON.parse(process.argv[1])\n${client.opening}\n${program}`
  return spawn(process.execPath, ['--input-type=module', '-e', code, JSON.stringify({ args: client.args, given })], { stdio: ['ignore', 'pipe', 'inherit'] })
}

export async function linesOf({ stdout }: ChildProcess, count: number): Promise<readonly string[]> {
  if (stdout === null) throw new Error('the client has no output')
  const lines: string[] = []
  for await (const line of createInterface({ input: stdout })) if (lines.push(line) === count) return lines
  throw new Error('the client ended early')
}
