// Two factors that are not a passkey, both right. A known and an unknown address take the same path: the same statements, the same
// arithmetic, the same answer. What a row more to read still costs is hidden by answering no refusal before its time.
import { setTimeout as delay } from 'node:timers/promises'
import { PersonState } from '@loomworks/contracts'
import { type Caller, emailHashes, emailLookup, idOf, sha256 } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, maybe, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import { login, recovery } from '../../errors.ts'
import { ofPerson, tellThrottled } from '../../guessing.ts'
import { networkOf } from '../../networks.ts'
import type { IdentityParts } from '../../parts.ts'
import { recoveryDigest } from '../../recovery-codes.ts'
import { totpBinding } from '../../sealings.ts'
import { type Slowing, takeTry } from '../../throttles.ts'
import { matchingStep, newTotpSecret } from '../../totp.ts'

/** Longer than judging takes, so that a refusal takes as long whoever was asked about. */
const REFUSED_AFTER_MS = 50

export interface RecoveryShown {
  readonly email: string
  readonly totpCode: string
  readonly recoveryCode: string
  readonly clientIp: string
  readonly caller: Caller
}

const Known = z.object({
  person_id: idOf<'person'>(),
  email: z.string(),
  state: PersonState,
  secret_sealed: z.instanceof(Buffer),
  last_step: z.bigint(),
  code_open: z.boolean(),
})
type Known = z.output<typeof Known>

export interface ProvenRecovery {
  readonly personId: Known['person_id']
  readonly email: string
  readonly step: number
  readonly digest: string
  /** What counted this try, and forgets it where it was right. */
  readonly throttles: readonly Slowing[]
}

/** Whose factors these are. Refuses `recovery.throttled` while this network, or whoever shows a code of this person, has to wait, and `login.refused` for
 *  whatever is wrong; `account_locked` only who has shown both. Nothing is spent yet. */
export async function proveRecovery(parts: IdentityParts, shown: RecoveryShown): Promise<ProvenRecovery> {
  const { db, clock, keyring, pepper } = parts
  const { email, clientIp, caller } = shown
  const began = performance.now()
  // By network too: who only guesses must not keep the owner out.
  const ofNetwork = { kind: 'recovery', keyHash: sha256(`${emailHashes(pepper, email).emailHash}/${networkOf(clientIp)}`) } as const
  const networkWaits = await admitted(parts, ofNetwork)
  const digest = recoveryDigest(keyring, shown.recoveryCode)
  const known = await knownByAddress(db, email, digest)
  const secret = known === undefined ? newTotpSecret() : keyring.open('totp', known.secret_sealed, totpBinding('person', known.person_id))
  // Who holds a recovery code may guess at the other factor no more often than anybody else may, from however many networks.
  const guesses = known?.code_open === true ? ofPerson('totp', known.person_id) : undefined
  const personWaits = guesses !== undefined && (await admitted(parts, guesses))
  const step = matchingStep(secret, shown.totpCode, clock.now(), Number(known?.last_step ?? -1))
  if (known === undefined || step === undefined || guesses === undefined) {
    if (networkWaits || personWaits) await tellThrottled(parts, { kind: 'recovery', caller, ...(known && { personId: known.person_id }) })
    await delay(Math.max(0, began + REFUSED_AFTER_MS - performance.now()))
    throw login.refused()
  }
  if (known.state === 'locked') throw shared.account_locked()
  return { personId: known.person_id, email: known.email, step, digest, throttles: [ofNetwork, guesses] }
}

/** Takes one try; true where this one makes the next wait. Refuses `recovery.throttled` while it has to wait itself. */
async function admitted({ db, clock }: IdentityParts, throttle: Slowing): Promise<boolean> {
  const taken = await takeTry(db, throttle, clock.now())
  if (!taken.admitted) throw recovery.throttled(undefined, taken.waitS)
  return taken.waits
}

function knownByAddress(db: Db, email: string, digest: string): Promise<Known | undefined> {
  return maybe(
    db,
    Known,
    prepared(
      'known_recovery',
      sql`select p.id as person_id, p.email, p.state, f.secret_sealed, f.last_step,
                 exists (select from identity.recovery_codes c where c.person_id = p.id and c.digest = ${digest} and c.used_at is null) as code_open
            from identity.persons p
            join identity.totp_factors f on f.person_id = p.id
           where p.email_lookup = ${emailLookup(email)} and p.state in ('active', 'locked')`,
    ),
  )
}
