import { createHash, randomUUID } from 'node:crypto'
import { chownSync, lstatSync, mkdirSync, realpathSync, rmSync, statfsSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeHome } from '../home.ts'
import { orRefuse, StartRefused } from '../start-refused.ts'
import { canReach, type Owner, ownerOf } from './owner.ts'

/** Where one cluster lives. */
export interface Place {
  readonly home: string
  readonly owner: Owner
  /** The data directory of PostgreSQL. */
  readonly cluster: string
  /** Where copied binaries may be kept; the owner can read there. */
  readonly cache: string
  readonly sockets: string
  readonly logFile: string
}

const OUTSIDE = '/var/lib/loomworks'
const LEAST_FREE_BYTES = 200 * 1024 * 1024
// sockaddr_un holds 104 bytes on macOS and 108 on Linux, the socket's own name included.
const LONGEST_SOCKET_PATH = 100

export function openPlace(directory: string): Place {
  const home = makeHome(directory)
  const link = join(home, 'data', 'postgres')
  const owner = ownerOf(link)
  const outside = !canReach(join(home, 'data'), owner)
  orRefuse(link, () => makeRoot(link, outside, owner))
  const root = realpathSync(link)
  refuseFullDisk(root)
  return {
    home,
    owner,
    cluster: join(root, 'cluster'),
    cache: outside ? OUTSIDE : root,
    sockets: socketDirectory(root, owner),
    logFile: join(home, 'logs', 'postgres.log'),
  }
}

/** Below a home its owner cannot reach (such as one under /root) there is only a link to a directory outside. */
function makeRoot(link: string, outside: boolean, owner: Owner): void {
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) return
  const root = outside ? join(OUTSIDE, randomUUID()) : link
  if (outside) mkdirSync(OUTSIDE, { recursive: true, mode: 0o755 })
  mkdirSync(root, { mode: 0o700 })
  give(root, owner)
  if (outside) symlinkSync(root, link)
}

function give(path: string, { uid, gid }: Owner): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}

function refuseFullDisk(root: string): void {
  const { bavail, bsize } = statfsSync(root)
  if (bavail * bsize < LEAST_FREE_BYTES) throw new StartRefused(`The disk of ${root} has less than 200 MB left: free some space and start again.`)
}

function socketDirectory(root: string, owner: Owner): string {
  const near = join(root, 'sockets')
  const path =
    `${near}/.s.PGSQL.65535`.length < LONGEST_SOCKET_PATH ? near : join(tmpdir(), `lw-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`)
  return orRefuse(path, () => {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      mkdirSync(path, { mode: 0o700 })
      give(path, owner)
    }
    // In a temporary directory the name can be guessed, and a stranger may have been there first.
    const { uid } = lstatSync(path)
    if (uid !== (owner.uid ?? process.getuid?.() ?? uid))
      throw new StartRefused(`${path} belongs to another user: remove it, or set TMPDIR to a directory of your own.`)
    return path
  })
}

/** What a start that was killed half way left behind. */
export function draftOf(place: Place): string {
  const draft = `${place.cluster}.new`
  rmSync(draft, { recursive: true, force: true })
  return draft
}
