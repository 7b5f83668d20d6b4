import { EmailChanged } from '@loomworks/contracts'
import { type Caller, newId, type PersonId, timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { brokenConstraint, exec, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { EmailCode, type Proven, useCode } from '../../email-codes.ts'
import { emailCode, email as refuse } from '../../errors.ts'
import { fact, statePersonFacts, statingFor } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { Me, meOf } from '../../person/queries.ts'
import { selfOf } from '../../self.ts'

const FormerRow = z.object({ email: z.string(), email_lookup: z.string() })

export const verifyEmailRoute = operation({
  post: '/me/email/verify',
  id: 'verifyEmail',
  summary: 'Show the mailed code; the address is mine from then on',
  authz: { actors: ['person'], scope: 'account.security', object: 'person', relation: 'self', stepUp: 'any', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({ code: EmailCode }),
  reply: Me,
  refuses: [emailCode.invalid, refuse.taken, shared.token_refused, shared.invalid_body],

  async answer({ body, caller }, parts: IdentityParts) {
    const personId = selfOf(caller)
    // A wrong code is counted and kept, so it is told by value.
    const proven = await parts.db
      .transaction(async (tx) => {
        const used = await useCode(tx, parts, { personId }, body.code)
        if (typeof used !== 'number') await changeAddress(tx, parts, personId, { ...used, caller })
        return used
      })
      .catch((error: unknown) => {
        throw brokenConstraint(error) === 'person_email' ? refuse.taken() : error
      })
    if (typeof proven === 'number') throw emailCode.invalid({ attemptsLeft: proven })
    const me = await meOf(parts.db, personId)
    if (me === undefined) throw shared.token_refused()
    return me
  },
})

/** The former address is told, so that a change nobody wanted is noticed. Who proves the one they have has no former one. */
async function changeAddress(tx: Tx, { clock, mail, relay }: IdentityParts, personId: PersonId, { email, email_lookup, caller }: Proven & { caller: Caller }) {
  const now = timeOf(clock.now())
  const former = await one(tx, FormerRow, sql`select email, email_lookup from identity.persons where id = ${personId} for no key update`)
  const changed = await exec(
    tx,
    sql`update identity.persons
           set email = ${email}, email_lookup = ${email_lookup}, email_verified_at = ${now}
         where id = ${personId} and state = 'active'`,
  )
  // Who was locked or left meanwhile keeps the former one, and nothing is told.
  if (changed === 0) throw shared.token_refused()
  await statePersonFacts(tx, personId, [fact(EmailChanged, { personId, verified: true })], statingFor(caller, now))
  if (former.email_lookup !== email_lookup)
    await mail.send(tx, { key: `email_changed/${newId()}`, to: former.email, personId, template: 'email_changed', data: {} })
  relay.wakeAfter(tx)
}
