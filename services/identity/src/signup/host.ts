import { anySaga, SagaHost } from '@loomworks/sagas'
import type { Wiring } from '@loomworks/service-kit'
import type { IdentityConfig } from '../config.ts'
import { saga } from '../errors.ts'
import { completeRegistration, reopenRegistration } from './ending.ts'
import { orphanedSignups } from './orphans.ts'
import { signupSaga } from './saga.ts'

/** The host of the signups: tells the registration how its saga ended, and begins what a dead process owed. */
export function signupHost({ config, eventStore, bus, db, clock, log }: Wiring<IdentityConfig>): SagaHost {
  return new SagaHost({
    sagas: [anySaga(signupSaga)],
    eventStore,
    bus,
    db,
    schema: 'identity',
    clock,
    openMax: config.openSagasMax,
    orphans: () => orphanedSignups(db, clock.now()),
    onTerminal: ({ id, state, code = saga.step_error.code }, tx) =>
      state === 'completed' ? completeRegistration(tx, id, clock.now()) : reopenRegistration(tx, id, code, clock.now()),
    onTrouble: (error) => log.warn({ err: error }, 'a saga waits'),
  })
}
