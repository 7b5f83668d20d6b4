import { AccountStatus, type MandateMode } from '@loomworks/contracts'
import { type PersonId, timeOf } from '@loomworks/kernel'
import { exec, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { ova as refuse } from '../../errors.ts'
import type { PublicJwk } from '../../key-pairs.ts'
import type { IdentityParts } from '../../parts.ts'
import { AFTERWARDS_MS } from '../../signed-operations.ts'
import { subjectKey } from '../../subject-keys.ts'
import { type Allowed, allowedBy, exceeds, type Ground } from '../grounds.ts'
import { type Life, lifeOf, type Mandate } from '../mandates.ts'

export interface Minting {
  readonly personId: PersonId
  readonly mode: MandateMode
  readonly ground: Ground
  readonly holder: z.output<typeof PublicJwk>
}

/** Mints what the person's signature allows. It is signed while the contract is locked, so that none comes to be once a lowering was answered; and
 *  noted before anybody has it. */
export async function mintMandate(parts: IdentityParts, { personId, mode, ground, holder }: Minting): Promise<Mandate> {
  const { db, clock, mandates } = parts
  const key = await subjectKey(parts, personId, 'identity')
  if (!Buffer.isBuffer(key)) throw exceeds('person')
  const sign = await mandates.signer()
  const nowMs = clock.now()
  return db.transaction(async (tx) => {
    await requireActive(tx, personId, mode)
    const { aud, capability, act, amount, operationHash, endsAtMs } = await allowedBy(tx, ground, { personId, mode, key, nowMs })
    const life = lifeOf(nowMs, endsAtMs)
    if (life === undefined) throw exceeds('time')
    if (mode === 'do') await takeAttempt(tx, { act, operationHash, nowMs, exp: life.exp })
    if (mode === 'status' || mode === 'undo') await requireDone(tx, { act, operationHash, nowMs })
    return sign({ aud, capability, act, amount, mode, holder }, life)
  })
}

/** For who is suspended what was begun can still be seen to its end, and nothing begun. */
async function requireActive(tx: Tx, personId: PersonId, mode: MandateMode): Promise<void> {
  const row = await maybe(
    tx,
    z.object({ account_status: AccountStatus }),
    sql`select account_status from identity.persons where id = ${personId} and state = 'active'`,
  )
  const isOpen = row?.account_status === 'active' || row?.account_status === 'exhausted'
  if (row === undefined || (!isOpen && (mode === 'do' || mode === 'read'))) throw exceeds('person')
}

interface Act extends Pick<Allowed, 'act' | 'operationHash'> {
  readonly nowMs: number
}

const Attempt = z.object({ attempts: z.int(), last_exp: z.string() })

/** One act has one good mandate at a time, and five in all: a verifier lets each act have one effect. */
async function takeAttempt(tx: Tx, { act, operationHash, nowMs, exp }: Act & Pick<Life, 'exp'>): Promise<void> {
  const [now, end] = [timeOf(nowMs), timeOf(exp * 1000)]
  const taken = await exec(
    tx,
    sql`insert into identity.minted (act, operation_hash, attempts, first_at, last_exp)
        values (${act}, ${operationHash}, 1, ${now}, ${end})
        on conflict (act) do update
          set attempts = minted.attempts + 1, last_exp = excluded.last_exp
          where minted.operation_hash = excluded.operation_hash and minted.attempts < 5 and minted.last_exp <= ${now}`,
  )
  if (taken > 0) return
  const former = await maybe(tx, Attempt, sql`select attempts, last_exp from identity.minted where act = ${act} and operation_hash = ${operationHash}`)
  if (former === undefined) throw exceeds('act')
  const waitMs = Date.parse(former.last_exp) - nowMs
  throw waitMs > 0 && former.attempts < 5 ? refuse.mandate_open(undefined, Math.ceil(waitMs / 1000)) : refuse.attempts_spent()
}

async function requireDone(tx: Tx, { act, operationHash, nowMs }: Act): Promise<void> {
  const done = await maybe(
    tx,
    z.object({ act: z.string() }),
    sql`select act
          from identity.minted
         where act = ${act} and operation_hash = ${operationHash} and first_at > ${timeOf(nowMs - AFTERWARDS_MS)}`,
  )
  if (done === undefined) throw exceeds('act')
}
