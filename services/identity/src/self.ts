import type { Caller, PersonId } from '@loomworks/kernel'
import { type Itk, shared } from '@loomworks/service-kit'
import type { SessionId } from './sessions.ts'

/** The person who calls. Refuses other kinds of actors: these operations are about oneself. */
export function selfOf(caller: Caller): PersonId {
  if (caller.actor.kind !== 'person') throw shared.actor_refused()
  return caller.actor.id
}

/** The session the call came by; refuses a token that stands on none. */
export function sessionOfCaller({ sid }: Itk): SessionId {
  if (sid === undefined) throw shared.token_refused()
  return sid
}
