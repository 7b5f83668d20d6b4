// A crowd before the gateway (identity page §14): what it holds for each session it knows and for each stream that is open, and whether
// those who follow a stream hear each event once when it is killed and comes back.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { newId, systemClock, tokenHash } from '@loomworks/kernel'
import { EventStream, openApiOf, operation } from '@loomworks/service-kit'
import { eventually, IdentityStandIn } from '@loomworks/testing'
import { z } from 'zod'
import { type Benchmark, type Figure, timedRound } from './benchmark.ts'
import { benchDatabase } from './database.ts'
import { type Door, door } from './gateway.ts'
import { freePort, pssMbOfProcess } from './instance.ts'
import { Listener, Speaker } from './speaker.ts'
import { Wire } from './wire.ts'

const SESSIONS = 100_000
const SESSIONS_GOAL_MB = 150
const STREAMS = 5000
const STREAM_GOAL_KB = 30
const STREAMS_EACH = 10
const CONNECTIONS = 16
const OPENED_AT_ONCE = 50
const EVERY_MS = 1000
/** What was needed to let them in is given back by then. */
const SETTLED_MS = 15_000
const TARGET = `/jobs/${newId()}/events`

const about = {
  summary: 'For the benchmark',
  refuses: [],
  authz: { actors: ['person'], scope: 'memory.read', object: 'job', relation: 'none', hide: true },
} as const
const API = openApiOf(
  [
    {
      name: 'memory',
      operations: [
        operation({ ...about, get: '/jobs/:job', id: 'show', params: z.object({ job: z.string() }), reply: z.object({}), answer: async () => ({}) }),
        operation({
          ...about,
          get: '/jobs/:job/events',
          id: 'follow',
          limits: { stream: true },
          params: z.object({ job: z.string() }),
          reply: z.string(),
          answer: async () => new EventStream(none()),
        }),
      ],
    },
  ],
  '1',
)

/** Nobody is served from here: the document alone is wanted. */
async function* none() {}

export const crowd: Benchmark = {
  name: 'crowd',
  async run({ quick }) {
    await using place = await opened()
    const settledMs = quick ? 100 : SETTLED_MS
    const ofSessions = await sessions(place, { count: quick ? 200 : SESSIONS, settledMs })
    return [ofSessions, ...(await streams(place, { count: quick ? 50 : STREAMS, settledMs }))]
  },
}

interface Place extends AsyncDisposable {
  readonly identity: IdentityStandIn
  readonly speaker: Speaker
  /** Starts a gateway before them, on a port of its own where none is given. */
  gateway(port?: string): Promise<Door>
}

async function opened(): Promise<Place> {
  await using opening = new AsyncDisposableStack()
  const database = opening.use(await benchDatabase())
  const folder = mkdtempSync(join(tmpdir(), 'lw-'))
  opening.defer(() => rmSync(folder, { recursive: true, force: true }))
  const identity = opening.use(await IdentityStandIn.listening(join(folder, 'identity'), systemClock))
  const speaker = opening.use(await Speaker.on(join(folder, 'memory')))
  const document = join(folder, 'openapi.json')
  writeFileSync(document, JSON.stringify(API))
  const all = opening.move()
  return {
    identity,
    speaker,
    gateway: (port) => door('gateway-alone.ts', (free) => [folder, port ?? free, database.url, document]),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function newSession(identity: IdentityStandIn): string {
  const token = `lws_${newId()}`
  identity.credentials.set(tokenHash(token), { actor: { kind: 'person', id: newId() }, sessionId: newId() })
  return token
}

interface Crowd {
  readonly count: number
  readonly settledMs: number
}

async function sessions({ identity, gateway }: Place, { count, settledMs }: Crowd): Promise<Figure> {
  await using entrance = await gateway()
  const wires = await Promise.all(Array.from({ length: CONNECTIONS }, () => Wire.to(entrance.port, `/jobs/${newId()}`)))
  await timedRound(count, CONNECTIONS, (worker) => wires[worker]?.ask({ authorization: `Bearer ${newSession(identity)}` }) ?? Promise.resolve())
  for (const wire of wires) wire[Symbol.dispose]()
  await delay(settledMs)
  const value = pssMbOfProcess(entrance.pid)
  return { bench: `gateway, memory with ${count} sessions`, value, unit: 'MB PSS', goal: `≤ ${SESSIONS_GOAL_MB}`, ok: value <= SESSIONS_GOAL_MB }
}

async function streams({ identity, speaker, gateway }: Place, { count, settledMs }: Crowd): Promise<readonly Figure[]> {
  const tokens = Array.from({ length: count / STREAMS_EACH }, () => newSession(identity))
  const port = await freePort()
  const first = await gateway(String(port))
  const speaking = setInterval(() => speaker.say(), EVERY_MS)
  const listeners = Array.from({ length: count }, (_, n) => new Listener({ port, target: TARGET, token: tokens[n % tokens.length] ?? '' }))
  try {
    await listening(listeners.slice(0, STREAMS_EACH))
    await delay(settledMs)
    const before = pssMbOfProcess(first.pid)
    await listening(listeners)
    await delay(settledMs)
    const held = ((pssMbOfProcess(first.pid) - before) * 1024) / (count - STREAMS_EACH)
    await first[Symbol.asyncDispose]()
    await using _second = await gateway(String(port))
    await listening(listeners)
    clearInterval(speaking)
    const said = speaker.say()
    await eventually(() => {
      if (listeners.some(({ last }) => last !== said)) throw new Error('not all have heard the last one')
    }, 60_000)
    const wrong = listeners.reduce((sum, { missed, repeated }) => sum + missed + repeated, 0)
    return [
      { bench: `gateway, memory of each of ${count} streams`, value: held, unit: 'kB PSS', goal: `≤ ${STREAM_GOAL_KB}`, ok: held <= STREAM_GOAL_KB },
      { bench: 'events missed or told twice after kill -9', value: wrong, unit: `of ${said * count}`, goal: '0', ok: wrong === 0 },
    ]
  } finally {
    clearInterval(speaking)
    for (const listener of listeners) listener[Symbol.dispose]()
  }
}

/** Opens those that are not open, some at once, each from behind what it has heard last. */
async function listening(listeners: readonly Listener[]): Promise<void> {
  const closed = listeners.filter(({ isOpen }) => !isOpen)
  await timedRound(closed.length, Math.min(OPENED_AT_ONCE, closed.length), async (worker, turn) => {
    await closed[turn * Math.min(OPENED_AT_ONCE, closed.length) + worker]?.open()
  })
}
