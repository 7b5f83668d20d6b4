import { AdoptInput } from '@loomworks/contracts'
import { type SagaEnd, SagaHost } from '@loomworks/sagas'
import { sagaMetrics, type Wiring } from '@loomworks/service-kit'
import type { Tx } from '@loomworks/sql'
import { adoptionUndone, owedAdoptions } from './adopt/owed.ts'
import { forgetNetwork } from './claim/ending.ts'
import type { IdentityConfig } from './config.ts'
import { SAGAS } from './definitions.ts'
import { saga } from './errors.ts'
import { stateEnd, stateNotable } from './saga-facts.ts'
import { completeRegistration, reopenRegistration } from './signup/ending.ts'
import { orphanedSignups } from './signup/orphans.ts'

/** The host of the sagas: tells who asked for one how it ended, and begins what is owed. */
export function sagaHost({ config, eventStore, bus, db, relay, clock, log, metrics }: Wiring<IdentityConfig>): SagaHost {
  const measured = sagaMetrics(metrics, { db, schema: 'identity', bus })
  return new SagaHost({
    sagas: SAGAS,
    eventStore,
    bus,
    db,
    schema: 'identity',
    clock,
    openMax: config.openSagasMax,
    orphans: async () => [...(await orphanedSignups(db, clock.now())), ...(await owedAdoptions(db, clock.now()))],
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

/** What the end means for the registration, the network or the person it was about. */
async function settle(tx: Tx, { id, definition, state, input, code = saga.step_error.code }: SagaEnd, nowMs: number): Promise<void> {
  const undone = state !== 'completed'
  if (definition === 'signup') await (undone ? reopenRegistration(tx, id, code, nowMs) : completeRegistration(tx, id, nowMs))
  if (definition === 'claim') await forgetNetwork(tx, id, undone ? code : undefined, nowMs)
  if (definition === 'adopt' && undone) await adoptionUndone(tx, id, AdoptInput.parse(input), nowMs)
}
