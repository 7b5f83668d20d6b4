import { timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { credential, totp } from '../../errors.ts'
import { statePersonFacts, statingFor } from '../../facts.ts'
import { replaceTotp } from '../../owned-factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { totpBinding } from '../../sealings.ts'
import { selfOf, sessionOfCaller } from '../../self.ts'
import { matchingStep } from '../../totp.ts'
import { provenBy, right, TotpCode, WRONG } from '../../totp-proof.ts'
import { changesFactors } from '../authz.ts'
import { holdFactors } from '../own.ts'

const OfferRow = z.object({ secret_sealed: z.instanceof(Buffer) })

export const verifyTotpOfferRoute = operation({
  post: '/me/credentials/totp/verify',
  id: 'verifyTotp',
  summary: 'Show a code of the new secret; it takes the place of the old one',
  authz: changesFactors,
  body: z.strictObject({ code: TotpCode }),
  reply: z.object({ confirmed_at: z.string() }),
  refuses: [totp.invalid, totp.throttled, credential.clone_suspected, shared.token_refused, shared.invalid_body],

  async answer({ body, caller, token }, parts: IdentityParts) {
    const { db, clock, keyring, relay } = parts
    const personId = selfOf(caller)
    const sessionId = sessionOfCaller(token)
    const nowMs = clock.now()
    return provenBy(parts, { personId, caller }, async () => {
      const offer = await maybe(
        db,
        OfferRow,
        sql`select secret_sealed from identity.totp_offers where person_id = ${personId} and expires_at > ${timeOf(nowMs)}`,
      )
      if (offer === undefined) return WRONG
      const secret = keyring.open('totp', offer.secret_sealed, totpBinding('offer', personId))
      const step = matchingStep(secret, body.code, nowMs)
      if (step === undefined) return WRONG
      return db.transaction(async (tx) => {
        await holdFactors(tx, { personId, sessionId })
        // Of two that show a code of one offer the first takes it away.
        const taken = await exec(tx, sql`delete from identity.totp_offers where person_id = ${personId} and secret_sealed = ${offer.secret_sealed}`)
        if (taken === 0) return WRONG
        const facts = await replaceTotp(tx, keyring, personId, { secret, step, nowMs })
        await statePersonFacts(tx, personId, facts, statingFor(caller, timeOf(nowMs)))
        relay.wakeAfter(tx)
        return right({ confirmed_at: timeOf(nowMs) })
      })
    })
  },
})
