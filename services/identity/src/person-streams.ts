// The relay's second errand: facts of a person go into `person-<id>` before they are published. A fact's revision says where it
// stands, so the expectation is known without reading, and a repeat after a crash is recognised by its ids.
import type { OutgoingRow } from '@loomworks/bus'
import { BusEvent } from '@loomworks/contracts'
import type { EventStore, NewEvent, StoredEvent } from '@loomworks/event-store'
import { chained, GENESIS, type JsonObject, Terminal, Transient, type Unchained } from '@loomworks/kernel'

interface PersonRow {
  readonly id: string
  readonly stream: string
  /** Revision in the stream: one less than the person's, which counts from 1. */
  readonly at: bigint
  readonly data: string
}

/** Appends what rows of the outbox belong to streams of persons, each run of consecutive facts in one append; streams do not wait for
 *  one another. Transient where a fact before one of them is not there yet. */
export function appendPersonFacts(store: EventStore): (rows: readonly OutgoingRow[]) => Promise<void> {
  return async (rows) => {
    const facts = rows.flatMap(({ id, stream, revision, data }) => (stream === null || revision === null ? [] : [{ id, stream, at: revision - 1n, data }]))
    const byStream = Map.groupBy(facts, (fact) => fact.stream)
    await Promise.all([...byStream.values()].map((all) => appendInOrder(store, all)))
  }
}

async function appendInOrder(store: EventStore, facts: readonly PersonRow[]): Promise<void> {
  for (const run of runsOf(facts)) await appendRun(store, run)
}

function runsOf(facts: readonly PersonRow[]): readonly (readonly PersonRow[])[] {
  const runs: PersonRow[][] = []
  for (const each of facts) {
    const last = runs.at(-1)
    if (last?.at(-1)?.at === each.at - 1n) last.push(each)
    else runs.push([each])
  }
  return runs
}

async function appendRun(store: EventStore, run: readonly PersonRow[]): Promise<void> {
  const [first] = run
  if (first === undefined) return
  const head = first.at === 0n ? GENESIS : await headBefore(store, first)
  const outcome = await store.append(first.stream, chainedEvents(run, head), first.at === 0n ? 'no_stream' : first.at - 1n)
  if (outcome.ok) return
  if (outcome.actual === undefined || outcome.actual < first.at) throw new Transient(`${first.stream} waits for the fact before revision ${first.at}`)
  await appendRun(store, await behindStored(store, run, outcome.actual))
}

/** The facts behind those that are in the stream already. Two lists of one person that differ at a revision are a broken promise. */
async function behindStored(store: EventStore, run: readonly PersonRow[], actual: bigint): Promise<readonly PersonRow[]> {
  const stored = run.filter((fact) => fact.at <= actual)
  const [first] = stored
  if (first === undefined) return run
  const there = await listOf(store.readStream(first.stream, { from: first.at, limit: stored.length }))
  stored.forEach((fact, index) => {
    if (there[index]?.id !== fact.id) throw new Terminal('person_stream.diverged', `${fact.stream} holds another event at revision ${fact.at}`)
  })
  return run.slice(stored.length)
}

async function headBefore(store: EventStore, { stream, at }: PersonRow): Promise<string> {
  const [before] = await listOf(store.readStream(stream, { from: at - 1n, limit: 1 }))
  if (before === undefined) throw new Transient(`${stream} waits for the fact before revision ${at}`)
  const { hash } = before.body
  if (typeof hash !== 'string') throw new Terminal('person_stream.unchained', `${stream} holds an event without a hash at revision ${at - 1n}`)
  return hash
}

function chainedEvents(run: readonly PersonRow[], head: string): readonly NewEvent[] {
  return chained(run.map(envelopeOf), head).map((body) => ({ id: body.id, type: body.type, body: body as unknown as JsonObject }))
}

function envelopeOf({ id, data }: PersonRow): Unchained {
  const { type, v, at, actor, correlationId, causationId, traceparent, data: stated } = BusEvent.parse(JSON.parse(data))
  const trust = actor.kind === 'person' ? 'direct_user' : 'tool_internal'
  return { id, type, v, at, actor, correlationId, causationId, traceparent, sources: [], trust, data: stated }
}

async function listOf(events: AsyncIterable<StoredEvent>): Promise<readonly StoredEvent[]> {
  const list: StoredEvent[] = []
  for await (const event of events) list.push(event)
  return list
}
