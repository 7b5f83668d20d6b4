import { isRefused, stepUp } from '@loomworks/client'
import { passkeys } from '@loomworks/client/browser'
import { client } from './client.ts'

/** Does what needs a fresh proof; where the last one is too old, the passkey is asked for and it is done then. */
export async function proven<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!isRefused(error, 'step_up_required')) throw error
    await stepUp(client, { passkey: passkeys })
    return act()
  }
}
