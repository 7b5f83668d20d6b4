import type { Worker } from '@loomworks/service-kit'
import type { IdentityParts } from '../parts.ts'

/** Runs the host of the sagas until the service stops. */
export function hosting({ sagas }: IdentityParts): Worker {
  return { name: 'sagas', run: (signal) => sagas.run(signal) }
}
