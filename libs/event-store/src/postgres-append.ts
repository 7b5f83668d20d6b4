// The group commit: while one statement is in flight the next group gathers, without a timer. The statement is its own
// transaction, so the lock that orders all appends is never held over a round trip of a client.
import { Terminal, Transient } from '@loomworks/kernel'
import { type Database, prepared, sql, sqlState } from '@loomworks/sql'
import type { CheckedEvent } from './checked.ts'
import type { Appended, Conflict, Expected } from './port.ts'

const MOST_EVENTS = 1000
const MOST_CHARACTERS = 4_194_304
const MOST_WAITING = 10_000

interface Waiting {
  readonly stream: string
  readonly events: readonly CheckedEvent[]
  readonly expected: Expected
  readonly done: (outcome: Appended | Conflict) => void
  readonly failed: (error: unknown) => void
}

type Group = readonly Waiting[]

/** One row of `event_store.append`: for a list that was not taken, where its stream stands. */
interface JudgedRow {
  readonly ord: number
  readonly taken: boolean
  readonly revision: bigint | null
  readonly position: bigint | null
}

export class GroupCommit {
  readonly #db: Database
  readonly #onCommitted: (streams: readonly string[]) => void
  readonly #waiting: Waiting[] = []
  #working: Promise<void> | undefined

  constructor(db: Database, onCommitted: (streams: readonly string[]) => void) {
    this.#db = db
    this.#onCommitted = onCommitted
  }

  append(stream: string, events: readonly CheckedEvent[], expected: Expected): Promise<Appended | Conflict> {
    if (this.#waiting.length >= MOST_WAITING) return Promise.reject(new Transient('the event store is behind: too many appends wait'))
    return new Promise((done, failed) => {
      this.#waiting.push({ stream, events, expected, done, failed })
      this.#working ??= this.#work()
    })
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    // Appends made in the same turn of the loop go together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, groupSize(this.#waiting))
      await this.#commit(group).catch((error: unknown) => this.#oneByOne(group, error))
    }
    // In the same turn in which nothing was found to wait: who comes a turn later must start anew, or would wait for ever.
    this.#working = undefined
  }

  async #commit(group: Group): Promise<void> {
    const { rows } = await this.#db.query(statementOf(group))
    const judged = rows as readonly JudgedRow[]
    const taken = judged.filter((row) => row.taken).map((row) => group[row.ord - 1]?.stream ?? '')
    if (taken.length > 0) this.#onCommitted(taken)
    for (const row of judged) group[row.ord - 1]?.done(outcomeOf(row))
  }

  /** What made a group fail may be one list of it. Sending a list again is safe, it is recognised, except under the expectation
   *  `exists` after an unknown outcome. The first one that meets trouble again speaks for those behind it. */
  async #oneByOne(group: Group, error: unknown): Promise<void> {
    let trouble = group.length === 1 ? error : undefined
    for (const each of group) {
      const unsafe = error instanceof Transient && each.expected === 'exists' ? error : undefined
      const failure = trouble ?? unsafe ?? (await this.#alone(each))
      if (failure !== undefined) each.failed(refused(failure))
      if (failure instanceof Transient && failure !== unsafe) trouble = failure
    }
  }

  #alone(each: Waiting): Promise<unknown> {
    return this.#commit([each]).then(
      () => undefined,
      (error: unknown) => error,
    )
  }
}

/** How many lists from the head of the queue fit into one statement; at least one. */
function groupSize(waiting: readonly Waiting[]): number {
  let events = 0
  let characters = 0
  const fits = waiting.findIndex((each) => {
    events += each.events.length
    characters += each.events.reduce((sum, { body }) => sum + body.length, 0)
    return events > MOST_EVENTS || characters > MOST_CHARACTERS
  })
  return fits === -1 ? waiting.length : Math.max(1, fits)
}

function statementOf(group: Group) {
  const events = group.flatMap((each) => each.events)
  const streams = group.map(({ stream }) => stream)
  const expected = group.map((each) => String(each.expected))
  const counts = group.map((each) => each.events.length)
  return prepared(
    'event_store_append',
    sql`select ord, taken, revision, position
          from event_store.append(${streams}, ${expected}, ${counts},
                                  ${events.map(({ id }) => id)}, ${events.map(({ type }) => type)}, ${events.map(({ body }) => body)})`,
  )
}

function outcomeOf({ taken, revision, position }: JudgedRow): Appended | Conflict {
  if (!taken) return { ok: false, actual: revision ?? undefined }
  if (revision === null || position === null) throw new Terminal('event_store.broken', 'an append that was taken has a revision and a position')
  return { ok: true, revision, position: String(position) }
}

/** The functions of the schema speak by SQLSTATE: LE001 not allowed. */
export function refused(error: unknown): unknown {
  return sqlState(error) === 'LE001' ? new Terminal('event_store.stream_refused', 'this service may not use that stream', { cause: error }) : error
}
