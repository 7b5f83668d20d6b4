import type { Sealer } from '@loomworks/event-store'
import { Terminal } from '@loomworks/kernel'
import { z } from 'zod'
import { type KeyHolder, Persona } from '../vocabulary.ts'
import type { Keyring } from './keyring.ts'

/** What the first event of an object with text says of whose it is. */
const Owned = z.object({
  engagement: z.string(),
  object: z.string(),
  binding: z.discriminatedUnion('k', [z.object({ k: z.literal('PersonalOnly'), persona: Persona }), z.object({ k: z.literal('HatOnly'), hat: z.string() })]),
})

/** Seals the text of an event under a key of its object. */
export function sealerOn(keyring: Keyring): Sealer {
  return {
    async seal(_stream, { id, type, data, sealed }) {
      const owned = Owned.safeParse(data)
      if (!owned.success) throw new Terminal('memory.no_holder', `${type} holds text and does not say whose it is`)
      const { engagement, object, binding } = owned.data
      return keyring.seal(holderOf(binding), { engagement, object, eventId: id }, sealed)
    },
  }
}

function holderOf(binding: z.output<typeof Owned>['binding']): KeyHolder {
  return binding.k === 'PersonalOnly' ? binding.persona : { kind: 'hat', id: binding.hat }
}
