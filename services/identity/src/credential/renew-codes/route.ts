import { timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { credential } from '../../errors.ts'
import { CodesShown, newCodes } from '../../factors.ts'
import { statePersonFacts, statingFor } from '../../facts.ts'
import { replaceCodes } from '../../owned-factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf, sessionOfCaller } from '../../self.ts'
import { changesFactors } from '../authz.ts'
import { holdFactors } from '../own.ts'

export const renewRecoveryCodesRoute = operation({
  post: '/me/credentials/recovery-codes',
  id: 'renewRecoveryCodes',
  summary: 'Ten new recovery codes, shown once; the old ones are void',
  authz: changesFactors,
  reply: z.object({ codes: CodesShown }),
  refuses: [credential.clone_suspected, shared.token_refused],

  async answer({ caller, token }, { db, clock, keyring, relay }: IdentityParts) {
    const personId = selfOf(caller)
    const codes = newCodes(keyring)
    await db.transaction(async (tx) => {
      await holdFactors(tx, { personId, sessionId: sessionOfCaller(token) })
      const facts = await replaceCodes(tx, personId, codes)
      await statePersonFacts(tx, personId, facts, statingFor(caller, timeOf(clock.now())))
      relay.wakeAfter(tx)
    })
    return { codes: [...codes.shown] }
  },
})
