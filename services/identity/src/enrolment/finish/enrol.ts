import { actorFromPerson, timeOf } from '@loomworks/kernel'
import { type Db, maybe, sql, type Tx } from '@loomworks/sql'
import { ENROLMENT_COLUMNS, Enrolment } from '../../enrolments.ts'
import { enrolment as refuse } from '../../errors.ts'
import { statePersonFacts, statingFor } from '../../facts.ts'
import { addPasskey, lockOwner, replaceCodes, replaceTotp } from '../../owned-factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { totpBinding } from '../../sealings.ts'
import { type Entering, endSessionsOf, type OpenedSession, openSession } from '../../sessions.ts'
import { matchingStep } from '../../totp.ts'
import { provenBy, right, WRONG } from '../../totp-proof.ts'

export interface Enrolling extends Entering {
  readonly code: string
}

interface Confirmed {
  readonly personId: Enrolment['person_id']
  readonly secret: Buffer
  readonly step: number
  readonly nowMs: number
}

/** The passkey, the factor and the codes become the person's, all sessions there were end, and one opens; or nothing happens. */
export async function enrolled(
  parts: IdentityParts,
  { id, person_id: personId, totp_sealed }: Enrolment,
  { code, ...entering }: Enrolling,
): Promise<OpenedSession> {
  const { db, clock, keyring, relay } = parts
  const nowMs = clock.now()
  if (totp_sealed === null) throw refuse.no_passkey()
  const stating = statingFor({ ...entering.caller, actor: actorFromPerson(personId) }, timeOf(nowMs))
  return provenBy(parts, { personId, caller: entering.caller }, async () => {
    const secret = keyring.open('totp', totp_sealed, totpBinding('enrolment', id))
    const step = matchingStep(secret, code, nowMs)
    if (step === undefined) return WRONG
    return db.transaction(async (tx) => {
      await lockOwner(tx, personId)
      const used = await useUp(tx, id, totp_sealed, nowMs)
      if (used === undefined) throw refuse.unknown()
      const credentialId = await given(tx, parts, used, { personId, secret, step, nowMs }, stating)
      await endSessionsOf(tx, personId, { reason: 'recovery', nowMs, stating })
      const session = await openSession(tx, { ...entering, personId, credentialId, amr: ['passkey', 'totp'], nowMs }, stating)
      relay.wakeAfter(tx)
      return right(session)
    })
  })
}

/** What was prepared, for the one that uses the token up: with the factors whose code was shown, not those of a later time. */
async function useUp(tx: Db, id: string, sealed: Buffer, nowMs: number): Promise<Enrolment | undefined> {
  const used = await maybe(
    tx,
    Enrolment,
    sql`with was as (
          select ${ENROLMENT_COLUMNS} from identity.enrolment_tokens where id = ${id} and state = 'open' and totp_sealed = ${sealed} for update
        ), used as (
          update identity.enrolment_tokens e
             set state = 'used', ended_at = ${timeOf(nowMs)}, credential = null, totp_sealed = null, recovery_digests = null
            from was
           where e.id = was.id
        )
        select * from was`,
  )
  return used
}

async function given(
  tx: Tx,
  { keyring }: IdentityParts,
  used: Enrolment,
  { personId, secret, step, nowMs }: Confirmed,
  stating: Parameters<typeof statePersonFacts>[3],
) {
  const { credential, recovery_digests: digests, key_id: keyId, set_id: setId } = used
  if (credential === null || digests === null || keyId === null || setId === null) throw new Error('an enrolment that was prepared lacks a part')
  const { name, ...passkey } = credential
  const added = await addPasskey(tx, personId, { passkey, name, nowMs })
  const factor = await replaceTotp(tx, keyring, personId, { secret, step, nowMs })
  const codes = await replaceCodes(tx, personId, { digests, keyId, setId })
  await statePersonFacts(tx, personId, [added.fact, ...factor, ...codes], stating)
  return added.id
}
