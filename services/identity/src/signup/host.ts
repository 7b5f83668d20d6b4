import { type SagaEnd, SagaHost } from '@loomworks/sagas'
import { sagaMetrics, type Wiring } from '@loomworks/service-kit'
import type { Tx } from '@loomworks/sql'
import type { IdentityConfig } from '../config.ts'
import { SAGAS } from '../definitions.ts'
import { saga } from '../errors.ts'
import { stateEnd, stateNotable } from '../saga-facts.ts'
import { completeRegistration, reopenRegistration } from './ending.ts'
import { orphanedSignups } from './orphans.ts'

/** The host of the signups: tells the registration how its saga ended, and begins what a dead process owed. */
export function signupHost({ config, eventStore, bus, db, relay, clock, log, metrics }: Wiring<IdentityConfig>): SagaHost {
  const measured = sagaMetrics(metrics, { db, schema: 'identity', bus })
  return new SagaHost({
    sagas: SAGAS,
    eventStore,
    bus,
    db,
    schema: 'identity',
    clock,
    openMax: config.openSagasMax,
    orphans: () => orphanedSignups(db, clock.now()),
    onTerminal: async (ended, tx) => {
      relay.wakeAfter(tx)
      tx.afterCommit(() => measured.ended(ended))
      await Promise.all([settle(tx, ended, clock.now()), stateEnd(tx, ended)])
    },
    onNotable: async (notable) => {
      await stateNotable(db, notable)
      relay.wake()
    },
    onStale: () => measured.stale(),
    onTrouble: (error) => log.warn({ err: error }, 'a saga waits'),
  })
}

/** What the end means for the registration that asked for it. */
function settle(tx: Tx, { id, state, code = saga.step_error.code }: SagaEnd, nowMs: number): Promise<void> {
  return state === 'completed' ? completeRegistration(tx, id, nowMs) : reopenRegistration(tx, id, code, nowMs)
}
