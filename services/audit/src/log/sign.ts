// A checkpoint says: the log has this many entries and this root. Before it is signed, the log must be shown to begin with what was
// signed last; of one size there is one root for ever.
import { checkpointText, consistencyProof, type NoteSigner, openNote, parseCheckpoint, rangeRoot, rootOf, verifyConsistency } from '@loomworks/foray'
import { Terminal } from '@loomworks/kernel'
import { type Database, type Db, exec, sql } from '@loomworks/sql'
import { newestCheckpoint } from './queries.ts'
import { logState } from './sequence.ts'
import { storedNodes } from './tiles.ts'

/** Signs the log as it stands; false when nothing is new. Terminal `audit.log_inconsistent` when its past is not what was signed. */
export function signCheckpoint(db: Database, signer: NoteSigner, { at, kind }: { readonly at: string; readonly kind: 'flush' | 'close' }): Promise<boolean> {
  return db.transaction(async (tx) => {
    await exec(tx, sql`select pg_advisory_xact_lock(hashtext('audit.sequencer'))`)
    const { size, frontier, signed_size } = await logState(tx)
    if (size === signed_size) return false
    const root = rootOf(frontier)
    await requireConsistent(tx, signer, { size, root, signedSize: signed_size })
    const note = signer.sign(checkpointText({ origin: signer.name, size, root }))
    await exec(tx, sql`insert into audit.checkpoint (size, root, note, signed_at, kind) values (${size}, ${root}, ${note}, ${at}, ${kind})`)
    await exec(tx, sql`update audit.log_state set signed_size = ${size}`)
    return true
  })
}

interface Signing {
  readonly size: number
  readonly root: Buffer
  readonly signedSize: number
}

async function requireConsistent(tx: Db, signer: NoteSigner, { size, root, signedSize }: Signing): Promise<void> {
  const nodes = storedNodes(tx)
  const last = signedSize === 0 ? undefined : await newestCheckpoint(tx)
  const signed = last === undefined ? undefined : parseCheckpoint(openNote(last.note, signer.verifierKey) ?? '')
  const older = signed ?? { size: 0, root: rootOf([]) }
  const proof = await consistencyProof(older.size, size, nodes)
  const stored = await rangeRoot(0, size, nodes)
  const holds = older.size === signedSize && stored.equals(root) && verifyConsistency(older, { size, root }, proof)
  if (!holds)
    throw new Terminal(
      'audit.log_inconsistent',
      `The log of ${size} entries does not begin with the ${signedSize} that were signed. Nothing is signed until an operator has looked.`,
    )
}
