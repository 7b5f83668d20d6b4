// The home of one embedded instance: everything it keeps lives below one directory, and two homes never touch each other.
import { randomBytes } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { noteIn, takeLock } from './lock.ts'
import { orRefuse } from './start-refused.ts'

export interface Home {
  readonly path: string
  readonly keys: string
  readonly mailbox: string
  readonly logs: string
  /** What `loom` and the operator's requests authenticate with: `lwo_` and 43 base64url characters, also in the file `operator-token`. */
  readonly operatorToken: string
  /** The path of `keys/<name>.key`, made once with `bytes` random bytes as base64url and mode 0600. */
  secretFile(name: string, bytes: number): string
  /** Tells a second start where this one answers. */
  announce(url: string): void
  release(): void
}

/** Opens and locks the home; throws StartRefused, or AlreadyRunning when another process has it open. */
export function openHome(directory = process.env.LOOMWORKS_HOME ?? '.loomworks'): Home {
  const path = makeHome(directory)
  const lock = takeLock(lockOf(path), path)
  return {
    path,
    keys: join(path, 'keys'),
    mailbox: join(path, 'mailbox'),
    logs: join(path, 'logs'),
    operatorToken: readFileSync(
      onceWritten(join(path, 'operator-token'), () => `lwo_${randomBytes(32).toString('base64url')}`),
      'utf8',
    ).trim(),
    secretFile: (name, bytes) => onceWritten(join(path, 'keys', `${name}.key`), () => randomBytes(bytes).toString('base64url')),
    announce: lock.note,
    release: lock.release,
  }
}

/** Where the instance that runs in a home answers, as it announced; undefined where none does. */
export function announcedUrl(directory: string): string | undefined {
  return noteIn(lockOf(resolve(directory)))
}

/** The vault's key file of a home, and the one before it while it is being changed; each where it is there. */
export function embeddedVaultKeys(directory: string): { readonly current: string | undefined; readonly former: string | undefined } {
  const there = (name: string) => {
    const path = join(resolve(directory), 'keys', name)
    return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : path
  }
  return { current: there('vault.key'), former: there('vault-former.key') }
}

function lockOf(path: string): string {
  return join(path, 'run', 'instance.lock')
}

/** The directories of a home. Under root, PostgreSQL runs as somebody else, who must be able to walk to its own directory. */
export function makeHome(directory: string): string {
  const path = resolve(directory)
  const isRoot = process.getuid?.() === 0
  orRefuse(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    for (const each of [path, join(path, 'data')]) {
      mkdirSync(each, { recursive: true, mode: 0o700 })
      if (isRoot) chmodSync(each, statSync(each).mode | 0o011)
    }
    for (const name of ['keys', 'mailbox', 'logs', 'run']) mkdirSync(join(path, name), { recursive: true, mode: 0o700 })
  })
  return path
}

/** Writes the file unless it is there; a file is never seen half written. */
export function onceWritten(path: string, make: () => string): string {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return path
  const draft = `${path}.${process.pid}`
  orRefuse(path, () => writeFileSync(draft, `${make()}\n`, { mode: 0o600 }))
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return path
}
