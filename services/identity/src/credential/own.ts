import type { PersonId } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import type { Db } from '@loomworks/sql'
import { credential } from '../errors.ts'
import type { SessionId } from '../sessions.ts'
import { livePasskey, openedBy, type PasskeyShown } from './queries.ts'

export interface Chosen {
  readonly personId: PersonId
  readonly id: string
  readonly sessionId: SessionId
}

/** The passkey that is to be changed. One that may have been copied is not judged by a session it opened itself: that could be the
 *  thief's. */
export async function ownForChange(tx: Db, { personId, id, sessionId }: Chosen): Promise<PasskeyShown> {
  const passkey = await livePasskey(tx, personId, id)
  if (passkey === undefined) throw shared.not_found()
  if (passkey.state === 'suspect' && (await openedBy(tx, sessionId)) === passkey.id) throw credential.clone_suspected()
  return passkey
}
