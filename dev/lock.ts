// A lock file names its holder by pid and start time, so that a holder killed with -9 never blocks the next start, and a pid
// that was given to a stranger since is not taken for the holder.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isAlive, startOf } from './processes.ts'
import { AlreadyRunning, orRefuse, StartRefused } from './start-refused.ts'

export interface Lock {
  /** Leaves a word for whoever finds the lock taken, such as the URL. */
  note(text: string): void
  release(): void
}

interface Holder {
  readonly pid: number
  readonly start: string
  readonly note?: string
}

/** Takes the lock or throws: AlreadyRunning when its holder lives, StartRefused when the file is not a lock. */
export function takeLock(path: string, what: string): Lock {
  const me: Holder = { pid: process.pid, start: startOf(process.pid) }
  for (let tries = 0; tries < 20 && !created(path, me); tries++) {
    const holder = holderOf(path)
    if (holder === undefined) continue
    if (lives(holder)) throw new AlreadyRunning(sentence(what, holder), holder.pid, holder.note)
    dropStale(path, holder)
  }
  if (!same(holderOf(path), me)) throw new StartRefused(`${path} changes hands too often: start one Loomworks at a time.`)
  return {
    note: (text) => replace(path, { ...me, note: text }),
    release: () => {
      if (same(holderOf(path), me)) rmSync(path, { force: true })
    },
  }
}

/** The word that a living holder left in its lock. */
export function noteIn(path: string): string | undefined {
  const holder = holderOf(path)
  return holder !== undefined && lives(holder) ? holder.note : undefined
}

/** A link is made by exactly one of several processes, and the file has its content from the first moment. */
function created(path: string, me: Holder): boolean {
  const draft = `${path}.${process.pid}`
  orRefuse(path, () => writeFileSync(draft, JSON.stringify(me), { mode: 0o600 }))
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function replace(path: string, holder: Holder): void {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 })
  renameSync(draft, path)
}

function holderOf(path: string): Holder | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    return orRefuse(path, () => {
      throw error
    })
  }
  const holder = parsed(text)
  if (holder === undefined) throw new StartRefused(`The lock file ${path} is damaged: when no other Loomworks uses this directory, delete it and start again.`)
  return holder
}

function parsed(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null
    return Number.isSafeInteger(value?.pid) && typeof value?.start === 'string' ? (value as Holder) : undefined
  } catch {
    return undefined
  }
}

function lives(holder: Holder): boolean {
  return isAlive(holder.pid) && startOf(holder.pid) === holder.start
}

/** Moves the file aside before deleting it: of two processes only one succeeds, and one that moved a fresh lock puts it back. */
function dropStale(path: string, stale: Holder): void {
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  if (!same(holderOf(aside), stale)) renameSync(aside, path)
  else rmSync(aside, { force: true })
}

function same(a: Holder | undefined, b: Holder): boolean {
  return a?.pid === b.pid && a.start === b.start
}

function sentence(what: string, { pid, note }: Holder): string {
  return `${what} is already in use by process ${pid}${note === undefined ? '' : ` (${note})`}: stop that one, or name another directory with LOOMWORKS_HOME.`
}
