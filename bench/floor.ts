// The least that a signup costs on given adapters: three round trips over the bus, each with a fenced write, and four appends. Beside it
// the commit of one row, which says how quick the disk is.
import type { Bus, ConsumerSpec } from '@loomworks/bus'
import type { EventStore } from '@loomworks/event-store'
import { newId, tokenHash } from '@loomworks/kernel'
import { type Database, exec, raw, sql } from '@loomworks/sql'
import { saidEvent } from './said.ts'

export interface Floor {
  once(): Promise<void>
  /** A row of 300 bytes, in a transaction of its own. */
  commit(): Promise<unknown>
}

export interface FloorParts {
  readonly bus: Bus
  readonly store: EventStore
  /** On the server that the services write to, with the right to make a table. */
  readonly db: Database
}

const TRIPS = 3
const BODY = 'x'.repeat(300)

export async function makeFloor({ bus, store, db }: FloorParts): Promise<Floor> {
  await exec(db, raw('create table if not exists public.bench_fence (saga_id uuid, step text, reply jsonb, primary key (saga_id, step))'))
  await exec(db, raw('create table if not exists public.bench_commit (id bigint generated always as identity primary key, body text)'))
  const answer = await startEcho(bus, db)
  return {
    once: async () => {
      const stream = `person-${newId()}`
      for (let trip = 0; trip < TRIPS; trip++) {
        await store.append(stream, await saidEvent(stream, newId(), Date.now()), trip === 0 ? 'no_stream' : BigInt(trip - 1))
        await answer()
      }
      await store.append(stream, await saidEvent(stream, newId(), Date.now()), BigInt(TRIPS - 1))
    },
    commit: () => exec(db, sql`insert into public.bench_commit (body) values (${BODY})`),
  }
}

/** One round trip: a command, one fenced write, a reply that is heard again. */
async function startEcho(bus: Bus, db: Database): Promise<() => Promise<void>> {
  const spec = (durable: string, filter: string): ConsumerSpec => ({
    stream: 'SAGA_CMD',
    durable,
    filters: [filter],
    maxPending: 64,
    ackWaitMs: 5000,
    service: 'companion',
  })
  const asked = spec('bench-asked', 'saga.cmd.benchAsked.>')
  const answered = spec('bench-answered', 'saga.cmd.benchAnswered.>')
  await bus.ensure({ streams: [], consumers: [asked, answered] })
  const waiting = new Map<string, () => void>()
  bus.consume(asked, async ({ data }) => {
    await exec(db, sql`insert into public.bench_fence (saga_id, step, reply) values (${data}, 'step', ${JSON.stringify({ hash: tokenHash(data) })})`)
    await bus.publish({ subject: `saga.cmd.benchAnswered.${data}.step.do`, id: `${data}/r`, data })
    return 'ack'
  })
  bus.consume(answered, async ({ data }) => {
    waiting.get(data)?.()
    waiting.delete(data)
    return 'ack'
  })
  return () =>
    new Promise((done, failed) => {
      const id = newId()
      waiting.set(id, done)
      bus.publish({ subject: `saga.cmd.benchAsked.${id}.step.do`, id, data: id }).catch(failed)
    })
}
