// Identity says every ten seconds that it can be heard, the way it says everything. Who believes what it told without asking stops to
// where this stays away. Of several instances one says it: the id of the message is that of the moment.
import { setTimeout as delay } from 'node:timers/promises'
import { FeedHeartbeat } from '@loomworks/contracts'
import { actorFromService, derivedId, newId, timeOf } from '@loomworks/kernel'
import { childTrace, type Worker } from '@loomworks/service-kit'
import { fact, stateFacts } from './facts.ts'
import type { IdentityParts } from './parts.ts'

const EVERY_MS = 10_000
const NAMESPACE = '00000000-0000-0000-0000-000000000000'

export async function sayHeartbeat({ db, clock, relay }: Pick<IdentityParts, 'db' | 'clock' | 'relay'>): Promise<void> {
  const nowMs = clock.now()
  const beat = Math.floor(nowMs / EVERY_MS)
  const cause = newId()
  const stating = { at: timeOf(nowMs), actor: actorFromService('identity'), correlationId: cause, causationId: cause, traceparent: childTrace() }
  await stateFacts(db, derivedId(NAMESPACE, 'heartbeat', beat), [fact(FeedHeartbeat, { beat })], stating)
  relay.wake()
}

export function heartbeating(parts: IdentityParts): Worker {
  return {
    name: 'heartbeat',
    async run(signal) {
      while (!signal.aborted) {
        await sayHeartbeat(parts).catch((error: unknown) => parts.log.warn({ err: error }, 'a heartbeat waits for the next one'))
        await delay(EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined)
      }
    },
  }
}
