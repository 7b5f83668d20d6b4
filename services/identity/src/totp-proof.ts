// A code of the authenticator app as a proof of the person. Five wrong ones are free, then each one more waits longer; a step works once.
import { type Caller, idOf, type PersonId } from '@loomworks/kernel'
import { type Db, exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { totp } from './errors.ts'
import { ofPerson, tellThrottled } from './guessing.ts'
import type { Keyring } from './keyring.ts'
import type { IdentityParts } from './parts.ts'
import { totpBinding } from './sealings.ts'
import { forgetTries, takeTry } from './throttles.ts'
import { matchingStep } from './totp.ts'

/** Six digits; anything else is not a code, and is not counted. */
export const TotpCode = z.string().regex(/^[0-9]{6}$/)

const FactorRow = z.object({ person_id: idOf<'person'>(), secret_sealed: z.instanceof(Buffer), last_step: z.bigint() })

/** The step a code of the person's factor belongs to, where it was not used yet; undefined for a wrong code. */
async function totpStep(db: Db, keyring: Keyring, { personId, code, nowMs }: { readonly personId: PersonId; readonly code: string; readonly nowMs: number }) {
  const factor = await maybe(db, FactorRow, sql`select person_id, secret_sealed, last_step from identity.totp_factors where person_id = ${personId}`)
  if (factor === undefined) return undefined
  return matchingStep(keyring.open('totp', factor.secret_sealed, totpBinding('person', personId)), code, nowMs, Number(factor.last_step))
}

/** Uses a step up; false where somebody else has. */
export async function spendStep(tx: Db, personId: PersonId, step: number): Promise<boolean> {
  return (await exec(tx, sql`update identity.totp_factors set last_step = ${step} where person_id = ${personId} and last_step < ${step}`)) === 1
}

export interface CodeShown {
  readonly personId: PersonId
  readonly code: string
  readonly caller: Caller
}

/** Spends the code and does what it was shown for, both or neither. Refuses `totp.throttled` while the person has to wait, and
 *  `totp.invalid` for a wrong code and for one that was used. */
export async function provenByCode<T>(parts: IdentityParts, shown: CodeShown, work: (tx: Db) => Promise<T>): Promise<T> {
  return provenBy(parts, shown, async () => {
    const { personId, code } = shown
    const step = await totpStep(parts.db, parts.keyring, { personId, code, nowMs: parts.clock.now() })
    if (step === undefined) return WRONG
    return parts.db.transaction(async (tx) => ((await spendStep(tx, personId, step)) ? right(await work(tx)) : WRONG))
  })
}

export type Judged<T> = { readonly right: true; readonly value: T } | { readonly right: false }
export const WRONG = { right: false } as const
export const right = <T>(value: T): Judged<T> => ({ right: true, value })

/** Judges a code as one try of the person's. */
export async function provenBy<T>(
  parts: IdentityParts,
  { personId, caller }: Pick<CodeShown, 'personId' | 'caller'>,
  judge: () => Promise<Judged<T>>,
): Promise<T> {
  const throttle = ofPerson('totp', personId)
  const taken = await takeTry(parts.db, throttle, parts.clock.now())
  if (!taken.admitted) throw totp.throttled(undefined, taken.waitS)
  const judged = await judge()
  if (judged.right) {
    await forgetTries(parts.db, throttle)
    return judged.value
  }
  if (taken.waits) await tellThrottled(parts, { kind: 'totp', personId, caller })
  throw totp.invalid({ attemptsLeft: taken.left })
}
