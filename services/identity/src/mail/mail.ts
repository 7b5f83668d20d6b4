// The one port for letters. A letter is queued in the transaction of what it is about, so that one is sent if and only if that happened;
// a worker hands it on. It may arrive twice when a process dies between handing on and noting it, under one Message-ID.
import { setTimeout as delay } from 'node:timers/promises'
import { type Clock, sha256, type Time, timeOf } from '@loomworks/kernel'
import type { Log, Worker } from '@loomworks/service-kit'
import { type Database, type Db, exec, many, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { mail as refuse } from '../errors.ts'
import type { Keyring } from '../keyring.ts'
import { composed, type TemplateData, TemplateName } from './templates.ts'
import type { MailTransport } from './transport.ts'

export interface Queued<T extends TemplateName = TemplateName> {
  /** Used once: a second letter under the same key is not sent. */
  readonly key: string
  /** The address; it stays in this service. */
  readonly to: string
  readonly personId?: string
  readonly template: T
  readonly data: TemplateData<T>
}

export interface Mail {
  /** Does this deployment send letters? What is only good to know is not queued where it does not. */
  readonly sends: boolean
  /** Refuses `mail.not_configured` where this deployment sends no letters. Asked before what needs one is begun. */
  require(): void
  /** Queues a letter with the transaction; false when its key was used before. */
  send<T extends TemplateName>(tx: Tx, letter: Queued<T>): Promise<boolean>
  readonly worker: Worker
}

export interface MailOptions {
  readonly db: Database
  readonly keyring: Keyring
  readonly clock: Clock
  readonly log: Log
  /** Host part of the Message-IDs. */
  readonly host: string
  /** Absent where nothing is configured. */
  readonly transport: MailTransport | undefined
}

const LOOK_EVERY_MS = 2000
const BATCH = 10
/** A letter taken by a worker that then dies is taken again after this. */
const LEASE_MS = 60_000
const FIRST_RETRY_MS = 5000
const RETRY_MAX_MS = 1_800_000
/** A letter that could not be handed on for a day is given up: what it says is old. */
const GIVEN_UP_AFTER_MS = 86_400_000
const KEPT_MS = 90 * 86_400_000

const Contents = z.object({ to: z.string(), data: z.unknown() })
/** `template` as it was queued: an older version may have had others. */
const TakenRow = z.object({ key: z.string(), template: z.string(), sealed: z.instanceof(Buffer), tries: z.int(), created_at: z.string() })
type Taken = z.output<typeof TakenRow>

export function mailOn(options: MailOptions): Mail {
  const { keyring, clock, transport } = options
  const wake = new EventTarget()
  return {
    sends: transport !== undefined,
    require() {
      if (transport === undefined) throw refuse.not_configured()
    },
    async send(tx, { key, to, personId, template, data }) {
      const sealed = keyring.seal('mail', Buffer.from(JSON.stringify({ to, data })), key)
      const now = timeOf(clock.now())
      const queued = await exec(
        tx,
        sql`insert into identity.mail_log (key, person_id, template, state, sealed, due_at, created_at)
            values (${key}, ${personId ?? null}, ${template}, 'queued', ${sealed}, ${now}, ${now})
            on conflict (key) do nothing`,
      )
      tx.afterCommit(() => wake.dispatchEvent(new Event('letter')))
      return queued === 1
    },
    worker: {
      name: 'mail',
      async run(signal) {
        while (!signal.aborted) {
          await deliverDue(options).catch((error: unknown) => options.log.warn({ err: error }, 'letters wait'))
          await letterOrTime(wake, signal)
        }
        transport?.close()
      },
    },
  }
}

/** Hands on what is due. Any instance may: rows are taken under a lock, and held for a while. A letter that does not open is one that cannot be
 *  handed on: it waits and is given up like any other, and the rest go out. */
export async function deliverDue(options: MailOptions): Promise<void> {
  const { db, clock, log, transport } = options
  await forget(db, clock.now())
  if (transport === undefined) return
  for (const letter of await taken(db, clock.now())) {
    const error = await handedOn(options, transport, letter).then(
      () => undefined,
      (cause: unknown) => cause as Error,
    )
    await settled(db, letter, error, clock.now())
    // The error of a mail server can hold the address, and that of a letter what it says: only its kind is told.
    if (error !== undefined) log.warn({ template: letter.template, errorClass: classOf(error) }, 'a letter could not be handed on')
  }
}

async function handedOn({ keyring, host }: MailOptions, transport: MailTransport, { key, template, sealed, created_at }: Taken): Promise<void> {
  const { to, data } = Contents.parse(JSON.parse(keyring.open('mail', sealed, key).toString()))
  const messageId = `<${sha256(key).slice(0, 32)}@${host}>`
  await transport.deliver({ to, ...composed(TemplateName.parse(template), data), messageId, at: created_at })
}

function taken(db: Database, nowMs: number): Promise<readonly Taken[]> {
  return many(
    db,
    TakenRow,
    sql`update identity.mail_log
           set due_at = ${timeOf(nowMs + LEASE_MS)}, tries = tries + 1
         where key in (select key
                         from identity.mail_log
                        where state = 'queued' and due_at <= ${timeOf(nowMs)}
                        order by due_at
                        limit ${BATCH}
                          for update skip locked)
        returning key, template, sealed, tries, created_at`,
  )
}

function settled(db: Db, { key, tries, created_at }: Taken, error: Error | undefined, nowMs: number): Promise<number> {
  if (error === undefined) return ended(db, key, 'sent', timeOf(nowMs))
  const errorClass = classOf(error)
  if (nowMs - Date.parse(created_at) > GIVEN_UP_AFTER_MS) return ended(db, key, 'failed', timeOf(nowMs), errorClass)
  const retryMs = Math.min(RETRY_MAX_MS, FIRST_RETRY_MS * 2 ** (tries - 1))
  return exec(db, sql`update identity.mail_log set due_at = ${timeOf(nowMs + retryMs)}, error_class = ${errorClass} where key = ${key}`)
}

/** What the letter said is forgotten with its end. */
function ended(db: Db, key: string, state: 'sent' | 'failed', at: Time, errorClass: string | null = null): Promise<number> {
  return exec(db, sql`update identity.mail_log set state = ${state}, sealed = null, ended_at = ${at}, error_class = ${errorClass} where key = ${key}`)
}

function forget(db: Db, nowMs: number): Promise<number> {
  return exec(
    db,
    sql`delete from identity.mail_log
         where key in (select key from identity.mail_log where created_at < ${timeOf(nowMs - KEPT_MS)} and state <> 'queued' order by created_at limit 1000)`,
  )
}

function classOf(error: Error): string {
  const { code, responseCode } = error as Error & { code?: string; responseCode?: number }
  return [code ?? error.name, responseCode].filter((part) => part !== undefined).join(' ')
}

async function letterOrTime(wake: EventTarget, signal: AbortSignal): Promise<void> {
  const waiting = new AbortController()
  const woken = () => waiting.abort()
  wake.addEventListener('letter', woken)
  await delay(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, waiting.signal]), ref: false }).catch(() => undefined)
  wake.removeEventListener('letter', woken)
}
