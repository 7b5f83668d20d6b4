// The list of sagas as rows: how each stands, when it must be looked at next. A projection of the saga streams, also written by
// the host right after its append; guarded by revision, so whoever knows less changes nothing. The streams are the truth, so a
// row may be lost with the server: it is written without waiting for the disk.
import { setTimeout as delay } from 'node:timers/promises'
import { SagaName, type SagaOverlay, type SagaState as StateWord } from '@loomworks/contracts'
import type { Position } from '@loomworks/event-store'
import type { SagaId } from '@loomworks/kernel'
import { type Database, exec, ident, many, maybe, prepared, type Sql, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'

export interface OpenRow {
  readonly sagaId: SagaId
  readonly definition: SagaName
  readonly version: number
  readonly state: StateWord
  readonly overlay: readonly SagaOverlay[]
  readonly revision: bigint
  readonly nextDueAt: string | null
  /** What it waits for: message ids. */
  readonly outstanding: readonly string[]
  readonly code: string | null
  readonly startedAt: string
  readonly updatedAt: string
  /** The step that is waited for longest, or that the saga failed with. */
  readonly step: string | null
  readonly attempts: number
  readonly errorClass: string | null
  /** How long it took, once it has ended, and each of its steps, ms. */
  readonly durationMs: number | null
  readonly stepMs: Readonly<Record<string, number>> | null
  /** Every id that belongs to it. */
  readonly refs: readonly string[]
}

export interface Due {
  readonly sagaId: SagaId
  readonly definition: SagaName
}

export interface OpenVersion {
  readonly definition: SagaName
  readonly version: number
  readonly sagaIds: readonly string[]
}

/** Where a host keeps its list. `T` is the transaction a terminal row is written in. */
export interface OpenSagas<T> {
  /** Keeps rows; one that is older than what is kept changes nothing. */
  write(rows: readonly OpenRow[]): Promise<void>
  /** Keeps the row within a moment, and not at all where the saga ends first or this process does: whoever starts next finds a saga that is
   *  not as its row says. Nothing else loses it, for the row that is there may be of a paused saga, which is never due. */
  note(row: OpenRow): void
  /** Keeps the row of a saga that has ended and runs `work` in the same transaction, once; false when that was done before. */
  finish(row: OpenRow, work: (tx: T) => Promise<void>): Promise<boolean>
  /** Sagas that are due, not given to anybody else for a second. */
  claimDue(now: string, limit: number): Promise<readonly Due[]>
  /** All sagas that have not ended. */
  unfinished(): Promise<readonly Due[]>
  count(): Promise<number>
  versions(): Promise<readonly OpenVersion[]>
  position(): Promise<Position | undefined>
  keepPosition(position: Position): Promise<void>
}

const CountRow = z.object({ n: z.int() })
const PositionRow = z.object({ position: z.string() })
const VersionRow = z.object({ definition: SagaName, version: z.int(), sagaIds: z.array(z.string()) })
const DueRow = z.object({ sagaId: z.string(), definition: SagaName })
/** Most signups end sooner than this, and then only their beginning and their end are written. */
const NOTE_MS = 100
/** A database that does not take notes is given time. */
const NOTE_AGAIN_MS = 1000
const LEASE = "interval '1 second'"
const OPEN = "state not in ('completed', 'aborted')"

export class OpenSagaTable implements OpenSagas<Tx> {
  readonly #db: Database
  readonly #table: Sql
  readonly #positions: Sql
  readonly #name: string
  readonly #onTrouble: (error: unknown) => void
  readonly #waiting = new Map<string, OpenRow>()
  readonly #noted = new Map<string, OpenRow>()
  #noting: Promise<void> | undefined
  #writing: Promise<void> | undefined
  #next: Promise<void> | undefined
  #isEnding = false

  constructor(db: Database, schema: string, onTrouble: (error: unknown) => void) {
    this.#db = db
    this.#onTrouble = onTrouble
    this.#name = schema
    this.#table = ident(`${schema}.saga_open`)
    this.#positions = ident(`${schema}.saga_position`)
  }

  /** While one statement is in flight the next rows gather; of a saga the newest row alone is written. */
  async write(rows: readonly OpenRow[]): Promise<void> {
    for (const row of rows) {
      const waiting = this.#waiting.get(row.sagaId)
      if (waiting === undefined || waiting.revision <= row.revision) this.#waiting.set(row.sagaId, row)
    }
    const before = this.#writing
    this.#next ??= (before ?? Promise.resolve()).catch(() => undefined).then(() => this.#writeWaiting())
    await this.#next
  }

  #writeWaiting(): Promise<void> {
    const rows = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#next = undefined
    const lazily = sql`cross join (select set_config('synchronous_commit', 'off', true)) as lazily`
    const writing = exec(this.#db, prepared(`saga_open_${this.#name}`, this.#upsert(rows, lazily))).then(() => undefined)
    this.#writing = writing
    return writing
  }

  #upsert(rows: readonly OpenRow[], lazily: Sql): Sql {
    const plain = rows.map(({ revision, ...row }) => ({ ...row, revision: String(revision) }))
    return sql`insert into ${this.#table} as o
                 (saga_id, definition, version, state, overlay, revision, next_due_at, outstanding, code, started_at, updated_at,
                  step, attempts, error_class, duration_ms, step_ms, refs)
               select r."sagaId", r.definition, r.version, r.state, r.overlay, r.revision, r."nextDueAt", r.outstanding, r.code, r."startedAt", r."updatedAt",
                      r.step, r.attempts, r."errorClass", r."durationMs", r."stepMs", r.refs
                 from jsonb_to_recordset(${JSON.stringify(plain)})
                   as r("sagaId" uuid, definition text, version integer, state text, overlay text[], revision bigint, "nextDueAt" timestamptz,
                        outstanding jsonb, code text, "startedAt" timestamptz, "updatedAt" timestamptz, step text, attempts integer,
                        "errorClass" text, "durationMs" bigint, "stepMs" jsonb, refs uuid[])
                ${lazily}
               on conflict (saga_id) do update
                  set state = excluded.state, overlay = excluded.overlay, revision = excluded.revision, next_due_at = excluded.next_due_at,
                      outstanding = excluded.outstanding, code = excluded.code, updated_at = excluded.updated_at, step = excluded.step, attempts = excluded.attempts,
                      error_class = excluded.error_class, duration_ms = excluded.duration_ms, step_ms = excluded.step_ms, refs = excluded.refs
                where o.revision <= excluded.revision and o.state not in ('completed', 'aborted')`
  }

  note(row: OpenRow): void {
    this.#noted.set(row.sagaId, row)
    this.#writeNotedIn(NOTE_MS)
  }

  #writeNotedIn(waitMs: number): void {
    this.#noting ??= delay(waitMs).then(() => this.#writeNoted())
  }

  async #writeNoted(): Promise<void> {
    this.#noting = undefined
    const rows = [...this.#noted.values()]
    this.#noted.clear()
    if (rows.length === 0) return
    await this.write(rows).catch((error: unknown) => {
      this.#onTrouble(error)
      if (this.#isEnding) return
      for (const row of rows) if (!this.#noted.has(row.sagaId)) this.#noted.set(row.sagaId, row)
      this.#writeNotedIn(NOTE_AGAIN_MS)
    })
  }

  /** Resolves when what was noted is kept, or could not be once more; from then on nothing is tried again. */
  async settled(): Promise<void> {
    this.#isEnding = true
    await this.#noting
    await this.#writing?.catch(() => undefined)
  }

  finish(row: OpenRow, work: (tx: Tx) => Promise<void>): Promise<boolean> {
    this.#noted.delete(row.sagaId)
    return this.#db.transaction(async (tx) => {
      const changed = await exec(tx, this.#upsert([row], sql``))
      if (changed > 0) await work(tx)
      return changed > 0
    })
  }

  async claimDue(now: string, limit: number): Promise<readonly Due[]> {
    const rows = await many(
      this.#db,
      DueRow,
      prepared(
        `saga_due_${this.#name}`,
        sql`update ${this.#table} as o
               set next_due_at = ${now}::timestamptz + ${{ text: LEASE, values: [] }}
              from (select saga_id from ${this.#table} where next_due_at <= ${now} order by next_due_at limit ${limit} for update skip locked) as due
             where o.saga_id = due.saga_id
            returning o.saga_id as "sagaId", o.definition`,
      ),
    )
    return rows as readonly Due[]
  }

  async unfinished(): Promise<readonly Due[]> {
    return (await many(this.#db, DueRow, sql`select saga_id as "sagaId", definition from ${this.#table} where ${{ text: OPEN, values: [] }}`)) as readonly Due[]
  }

  async count(): Promise<number> {
    const row = await maybe(this.#db, CountRow, sql`select count(*)::integer as n from ${this.#table} where ${{ text: OPEN, values: [] }}`)
    return row?.n ?? 0
  }

  versions(): Promise<readonly OpenVersion[]> {
    return many(
      this.#db,
      VersionRow,
      sql`select definition, version, (array_agg(saga_id::text order by saga_id))[1:5] as "sagaIds"
            from ${this.#table} where ${{ text: OPEN, values: [] }} group by 1, 2`,
    )
  }

  async position(): Promise<Position | undefined> {
    return (await maybe(this.#db, PositionRow, sql`select position from ${this.#positions}`))?.position
  }

  async keepPosition(position: Position): Promise<void> {
    await exec(
      this.#db,
      sql`insert into ${this.#positions} as p (position) values (${position})
          on conflict (only_row) do update set position = excluded.position
                where (length(p.position), p.position collate "C") < (length(excluded.position), excluded.position collate "C")`,
    )
  }
}
