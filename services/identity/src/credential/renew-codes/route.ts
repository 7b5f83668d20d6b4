import { timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { CodesShown, newCodes } from '../../factors.ts'
import { statePersonFacts, statingFor } from '../../facts.ts'
import { lockOwner, replaceCodes } from '../../owned-factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { changesFactors } from '../authz.ts'

export const renewRecoveryCodesRoute = operation({
  post: '/me/credentials/recovery-codes',
  id: 'renewRecoveryCodes',
  summary: 'Ten new recovery codes, shown once; the old ones are void',
  authz: changesFactors,
  reply: z.object({ codes: CodesShown }),
  refuses: [shared.token_refused],

  async answer({ caller }, { db, clock, keyring, relay }: IdentityParts) {
    const personId = selfOf(caller)
    const codes = newCodes(keyring)
    await db.transaction(async (tx) => {
      await lockOwner(tx, personId)
      const facts = await replaceCodes(tx, personId, codes)
      await statePersonFacts(tx, personId, facts, statingFor(caller, timeOf(clock.now())))
      relay.wakeAfter(tx)
    })
    return { codes: [...codes.shown] }
  },
})
