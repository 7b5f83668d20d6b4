import type { Caller, PersonId } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'

/** The person who calls. Refuses other kinds of actors: these operations are about oneself. */
export function selfOf(caller: Caller): PersonId {
  if (caller.actor.kind !== 'person') throw shared.actor_refused()
  return caller.actor.id
}
