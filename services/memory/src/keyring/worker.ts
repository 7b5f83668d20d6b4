import type { Worker } from '@loomworks/service-kit'
import type { Keyring } from './keyring.ts'

/** Keys made ahead and given to nobody go when the service stops. */
export function keyringWorker(keyring: Keyring): Worker {
  return {
    name: 'keyring',
    async run(signal) {
      if (!signal.aborted) await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }))
      await keyring.close()
    },
  }
}
