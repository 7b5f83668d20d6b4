// PostgreSQL refuses to run as root. Started by root, the cluster belongs to `nobody` and lives where `nobody` can walk to.
import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Owner {
  readonly uid?: number
  readonly gid?: number
}

const NOBODY = { uid: 65_534, gid: 65_534 }

/** Whoever the cluster belongs to already; a new one belongs to the caller, or to nobody when the caller is root. */
export function ownerOf(cluster: string): Owner {
  if (process.getuid?.() !== 0) return {}
  const found = statSync(cluster, { throwIfNoEntry: false })
  return found === undefined || found.uid === 0 ? NOBODY : { uid: found.uid, gid: found.gid }
}

/** Whether the owner may enter the directory and every one above it. */
export function canReach(path: string, owner: Owner): boolean {
  if (owner.uid === undefined) return true
  return mayEnter(statSync(path), owner) && (dirname(path) === path || canReach(dirname(path), owner))
}

function mayEnter({ mode, uid, gid }: Stats, owner: Owner): boolean {
  if (uid === owner.uid) return (mode & 0o100) !== 0
  return (mode & (gid === owner.gid ? 0o010 : 0o001)) !== 0
}
