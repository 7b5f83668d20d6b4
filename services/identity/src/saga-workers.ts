import { once } from 'node:events'
import { consumeSagaCommands } from '@loomworks/sagas'
import type { Worker } from '@loomworks/service-kit'
import type { IdentityParts } from './parts.ts'
import { activateStep } from './signup/activate/message.ts'
import { createPendingStep } from './signup/create-pending/message.ts'
import { joinCommonsStep } from './signup/join-commons/message.ts'

const DRAIN_MS = 10_000

/** The host of the sagas. */
export function hosting({ sagas }: IdentityParts): Worker {
  return { name: 'sagas', run: (signal) => sagas.run(signal) }
}

/** Identity's own steps go over the bus like everybody's. */
export function participating(parts: IdentityParts): Worker {
  return {
    name: 'saga-steps',
    async run(signal) {
      const { bus, db, instance, clock, log } = parts
      const steps = [createPendingStep, joinCommonsStep, activateStep]
      const onTrouble = (error: unknown) => log.warn({ err: error }, 'old fences stay for now')
      const consumption = consumeSagaCommands({ service: 'identity', bus, db, schema: 'identity', steps, parts, instance, clock, onTrouble })
      if (!signal.aborted) await once(signal, 'abort')
      await consumption.stop(DRAIN_MS)
    },
  }
}
