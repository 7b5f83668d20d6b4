import type { Sealer } from '@loomworks/event-store'
import { Terminal } from '@loomworks/kernel'
import { z } from 'zod'
import { Persona } from '../vocabulary.ts'
import type { Keyring } from './keyring.ts'

/** What the first event of an object with text says of whose it is. */
const Owned = z.object({ engagement: z.string(), object: z.string(), binding: z.object({ k: z.literal('PersonalOnly'), persona: Persona }) })

/** Seals the text of an event under a key of its object. */
export function sealerOn(keyring: Keyring): Sealer {
  return {
    async seal(_stream, { id, type, data, sealed }) {
      const owned = Owned.safeParse(data)
      if (!owned.success) throw new Terminal('memory.no_holder', `${type} holds text and does not say whose it is`)
      const { engagement, object, binding } = owned.data
      return keyring.seal(binding.persona, { engagement, object, eventId: id }, sealed)
    },
  }
}
