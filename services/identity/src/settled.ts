import type { SagaId } from '@loomworks/kernel'
import { hasEnded, type SagaHost, type SagaView } from '@loomworks/sagas'

/** The saga once it has ended; undefined where it has not within the time, or who asked has left. */
export async function settled(
  sagas: SagaHost,
  sagaId: SagaId,
  { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<SagaView | undefined> {
  for await (const view of sagas.changes(sagaId, AbortSignal.any([signal, AbortSignal.timeout(waitMs)]))) {
    if (hasEnded(view)) return view
  }
  return undefined
}
