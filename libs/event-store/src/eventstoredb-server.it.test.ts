// Which server is spoken to and when it is ready, how a store ends, and what a server that is killed must have kept.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Terminal, Transient } from '@loomworks/kernel'
import { eventually } from '@loomworks/testing'
import { EsdbStub, esdbStage } from '@loomworks/testing/esdb-stub'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { all, events, freshStream, idsOf, settled } from './conformance/bench.ts'
import { EventStoreDbEventStore } from './eventstoredb.ts'

beforeEach(({ skip }) => skip(process.env.EVENTSTORE_TEST_URL !== undefined, 'needs the control of the stub'))

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'esdb-'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe('ready is who leads', () => {
  test('a server that answers and does not lead yet is not ready', async () => {
    await using stage = await esdbStage()
    await stage.store.health()
    stage.stub.faults.notReady = true
    await expect(stage.store.health()).rejects.toThrow(Transient)
    stage.stub.faults.notReady = false
    await stage.store.health()
  })

  test('neither is one that is gone, nor one that stands still', async () => {
    await using stage = await esdbStage()
    stage.stub.freeze()
    await expect(stage.store.health()).rejects.toThrow(Transient)
    await stage.stub.die()
    await expect(stage.store.health()).rejects.toThrow(Transient)
  })

  test('a server older than 24.6 is refused, whatever is asked of it', async () => {
    await using stage = await esdbStage({ version: '23.10.6.0' })
    const works = [
      () => stage.store.health(),
      () => stage.store.append(freshStream(), events(1), 'no_stream'),
      () => all(stage.store.readStream(freshStream())),
      () => all(stage.store.readAll({ prefixes: ['a'] })),
      () => all(stage.store.subscribe({ prefixes: ['a'] }, { signal: AbortSignal.timeout(5000) })),
    ]
    for (const work of works) expect(await work().catch((error: unknown) => error)).toMatchObject({ code: 'event_store.server_too_old' })
  })

  test.each(['24.6.0', '25.1.3', 'a name of its own'])('version %s is let in', async (version) => {
    await using stage = await esdbStage({ version })
    await stage.store.health()
    expect(await stage.store.append(freshStream(), events(1), 'no_stream')).toMatchObject({ ok: true })
  })
})

describe('a cluster', () => {
  test('esdb+discover finds the node that leads, and is ready when that one is', async () => {
    await using leader = await new EsdbStub().start()
    await using follower = await new EsdbStub({ leader: { host: '127.0.0.1', port: leader.port } }).start()
    await using opened = openStore(`esdb+discover://127.0.0.1:${follower.port}?tls=false`)
    const { store } = opened
    await store.health()
    const stream = freshStream()
    expect(await store.append(stream, events(1), 'no_stream')).toMatchObject({ ok: true })
    expect([leader.log.stream(stream).length, follower.log.stream(stream).length]).toEqual([1, 0])
    leader.faults.notReady = true
    await expect(store.health()).rejects.toThrow(Transient)
  })

  test('a node that is gone is passed over', async () => {
    await using stub = await new EsdbStub().start()
    await using opened = openStore(`esdb://127.0.0.1:1,127.0.0.1:${stub.port}?tls=false`)
    await opened.store.health()
    expect(await opened.store.append(freshStream(), events(1), 'no_stream')).toMatchObject({ ok: true })
  })
})

describe('TLS', () => {
  beforeEach(({ skip }) => skip(!hasOpenssl(), 'there is no openssl to make a certificate with'))

  test('a server is trusted by the certificate that tlsCAFile names', async () => {
    const made = certificate('one')
    await using stage = await esdbStage({ tls: made, settings: `&tlsCAFile=${encodeURIComponent(made.file)}` })
    await stage.store.health()
    const stream = freshStream()
    const list = events(2)
    expect(await stage.store.append(stream, list, 'no_stream')).toMatchObject({ ok: true })
    expect(idsOf(await all(stage.store.readAll({ prefixes: [stream] })))).toEqual(idsOf(list))
  })

  test('a server that another one vouches for is not spoken to', async () => {
    await using stage = await esdbStage({
      tls: certificate('two'),
      settings: `&tlsCAFile=${encodeURIComponent(certificate('three').file)}`,
      timing: { deadlineMs: 500 },
    })
    await expect(stage.store.health()).rejects.toThrow(Transient)
    await expect(stage.store.append(freshStream(), events(1), 'no_stream')).rejects.toThrow(Transient)
    expect(stage.stub.connections).toBe(0)
  })

  test('a file that is not there is told at once', () => {
    const url = `esdb://127.0.0.1:2113?tlsCAFile=${encodeURIComponent(join(home, 'none.pem'))}`
    expect(() => new EventStoreDbEventStore({ url, onTrouble: () => undefined })).toThrow(Terminal)
  })
})

describe('closing', () => {
  test('ends what is under way, subscriptions quietly and the rest with Transient', async () => {
    await using stage = await esdbStage({ timing: PATIENT })
    const stream = freshStream()
    await stage.store.append(stream, events(1), 'no_stream')
    const heard: string[] = []
    const following = (async () => {
      for await (const { kind } of stage.store.subscribe({ prefixes: [stream] }, { signal: new AbortController().signal })) heard.push(kind)
    })()
    await eventually(() => expect(heard).toContain('event'))
    stage.stub.freeze()
    const hanging = [stage.store.append(stream, events(1), 0n), all(stage.store.readStream(stream)), all(stage.store.readAll({ prefixes: [stream] }))]
    const outcomes = Promise.allSettled(hanging)
    const began = performance.now()
    await stage.store.close()
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(Transient) })
    // The connection itself finds out after twenty seconds.
    expect(performance.now() - began).toBeLessThan(15_000)
    await following
    expect(heard.filter((kind) => kind === 'event')).toHaveLength(1)
    await expect(stage.store.append(stream, events(1), 0n)).rejects.toThrow(Transient)
  })

  test('one store leaves the others alone', async () => {
    await using stage = await esdbStage()
    const other = stage.another()
    const following = all(other.subscribe({ prefixes: [freshStream()] }, { signal: new AbortController().signal }))
    await stage.store.append(freshStream(), events(1), 'no_stream')
    await other.close()
    await following
    expect(await stage.store.append(freshStream(), events(1), 'no_stream')).toMatchObject({ ok: true })
    expect(stage.troubles).toEqual([])
  })

  test('lets the process end by itself, though the server stands still', async () => {
    await using stub = await new EsdbStub().start()
    const child = spawn(process.execPath, ['--input-type=module', '-e', CLOSING, stub.url()], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('following')
    stub.freeze()
    child.stdin.end('go\n')
    const began = performance.now()
    expect((await lines.next()).value).toBe('closed')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(performance.now() - began).toBeLessThan(15_000)
  })
})

describe('a server that is killed', () => {
  test('keeps what it acknowledged, and appends and readers ride over it', async () => {
    const file = join(home, 'log')
    let server = await startAlone(0, file)
    const port = server.port
    await using opened = openStore(`esdb://127.0.0.1:${port}?tls=false`)
    const { store } = opened
    const prefix = freshStream()
    const stop = new AbortController()
    const live: string[] = []
    const following = (async () => {
      for await (const delivery of store.subscribe({ prefixes: [prefix] }, { signal: stop.signal })) if (delivery.kind === 'event') live.push(delivery.event.id)
    })()
    const written: string[] = []
    const writing = Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        for (let turn = 0; turn < 12; turn++) {
          const list = events(1)
          expect(await settled(store, `${prefix}-${n}`, list, turn === 0 ? 'no_stream' : BigInt(turn - 1))).toMatchObject({ ok: true })
          written.push(...idsOf(list))
        }
      }),
    )
    for (const least of [20, 50]) {
      await eventually(() => expect(written.length).toBeGreaterThan(least))
      await server.kill()
      server = await startAlone(port, file)
    }
    await writing
    await eventually(() => expect(live).toHaveLength(96))
    const stored = idsOf(await all(store.readAll({ prefixes: [prefix] })))
    expect(live).toEqual(stored)
    expect(new Set(stored)).toEqual(new Set(written))
    stop.abort()
    await following
    await server.kill()
  })

  test('is told what to do line by line', async () => {
    const server = await startAlone(0, join(home, 'told'))
    for (const order of [
      { do: 'set', notReady: true },
      { do: 'hold', scope: 'append' },
      { do: 'freeze', ms: 1 },
      { do: 'thaw' },
      { do: 'die' },
      { do: 'start' },
    ])
      expect(await server.tell(order)).toBe('done')
    const answer = await fetch(`http://127.0.0.1:${server.port}/info`)
    expect(await answer.json()).toMatchObject({ state: 'discoverleader' })
    await server.kill()
  })
})

function openStore(url: string): AsyncDisposable & { readonly store: EventStoreDbEventStore } {
  const store = new EventStoreDbEventStore({ url, onTrouble: () => undefined, timing: { attemptMs: 700 } })
  return { store, [Symbol.asyncDispose]: () => store.close() }
}

/** Longer than a test may take: what ends earlier was not ended by a timer. */
const PATIENT = { attemptMs: 120_000, deadlineMs: 120_000, readMs: 120_000 }

const CLOSING = `
  const { EventStoreDbEventStore } = await import('@loomworks/event-store/eventstoredb')
  const { once } = await import('node:events')
  const store = new EventStoreDbEventStore({ url: process.argv[1], onTrouble: () => {}, timing: ${JSON.stringify(PATIENT)} })
  const event = () => ({ id: crypto.randomUUID(), type: 'Noted', body: {} })
  await store.append('closing-1', [event()], 'no_stream')
  const following = (async () => {
    for await (const { kind } of store.subscribe({ prefixes: ['closing-'] }, { signal: new AbortController().signal })) if (kind === 'caught_up') process.stdout.write('following\\n')
  })()
  await once(process.stdin, 'data')
  const appending = store.append('closing-1', [event()], 0n).catch(() => {})
  const reading = Array.fromAsync(store.readStream('closing-1')).catch(() => {})
  setImmediate(async () => {
    await store.close()
    await Promise.all([appending, reading, following])
    process.stdout.write('closed\\n')
  })
`

const ALONE = fileURLToPath(import.meta.resolve('@loomworks/testing/esdb-stub')).replace('index.ts', 'run-alone.ts')

async function startAlone(port: number, file: string) {
  const child = spawn(process.execPath, [ALONE, String(port), file], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { value } = await lines.next()
  return {
    port: Number(value),
    tell: async (order: object): Promise<unknown> => {
      child.stdin.write(`${JSON.stringify(order)}\n`)
      return (await lines.next()).value
    },
    kill: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0
}

/** A certificate that vouches for itself, as a server would have it on one machine. */
function certificate(name: string): { readonly cert: string; readonly key: string; readonly file: string } {
  const [key, file] = [join(home, `${name}.key`), join(home, `${name}.pem`)]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', file, ...subject], {
    stdio: 'ignore',
  })
  return { cert: readFileSync(file, 'utf8'), key: readFileSync(key, 'utf8'), file }
}
