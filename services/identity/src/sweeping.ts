// What goes by itself: what is past its time or ended long ago, and signing keys that are due. The README says what goes after how long.
import { setTimeout as delay } from 'node:timers/promises'
import type { Worker } from '@loomworks/service-kit'
import { sweepChallenges } from './challenges.ts'
import { sweepNetworks } from './claim/ending.ts'
import { sweepEmailCodes } from './email-codes.ts'
import { sweepEnrolments } from './enrolments.ts'
import { forget } from './forgetting.ts'
import { sweepInvitations } from './invitation/queries.ts'
import { sweepOffers } from './owned-factors.ts'
import type { IdentityParts } from './parts.ts'
import { sweepRegistrations } from './signup/ending.ts'
import { sweepThrottles } from './throttles.ts'

const EVERY_MS = 30_000

/** One round of tidying; each part may be repeated by any instance at any time. */
export async function sweep({ db, clock, signing }: IdentityParts): Promise<void> {
  const nowMs = clock.now()
  await sweepChallenges(db, nowMs)
  await sweepRegistrations(db, nowMs)
  await sweepThrottles(db, nowMs)
  await sweepNetworks(db, nowMs)
  await sweepEmailCodes(db, nowMs)
  await sweepInvitations(db, nowMs)
  await sweepOffers(db, nowMs)
  await sweepEnrolments(db, nowMs)
  await forget(db, 'sessions', nowMs)
  await forget(db, 'invitations', nowMs)
  await forget(db, 'agent_tokens', nowMs)
  await signing.rotate()
}

export function sweeping(parts: IdentityParts): Worker {
  return {
    name: 'sweep',
    async run(signal) {
      while (!signal.aborted) {
        await sweep(parts).catch((error: unknown) => parts.log.warn({ err: error }, 'sweeping waits for the next round'))
        await delay(EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined)
      }
    },
  }
}
