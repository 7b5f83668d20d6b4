// One transaction of the ledger: its id is its idempotency key, its lines move quantities between parties. The function of the
// database is the only way in.
import type { CreditAsset, LineRole } from '@loomworks/contracts'
import { type Actor, hashOf, type Time } from '@loomworks/kernel'
import { type Db, one, sql, sqlState } from '@loomworks/sql'
import { z } from 'zod'
import { ledger } from './errors.ts'
import type { TxKind } from './vocabulary.ts'

const BookedRow = z.object({ booked: z.boolean() })

export interface Line {
  readonly role: z.output<typeof LineRole>
  readonly from: string
  readonly to: string
  readonly asset: CreditAsset
  /** Minor units, decimal text. */
  readonly quantity: string
}

export interface Posting {
  readonly id: string
  readonly kind: z.output<typeof TxKind>
  readonly personId: string
  readonly meta: Readonly<Record<string, string>>
  readonly actor: Actor
  readonly correlationId: string
  readonly occurredAt: Time
  readonly lines: readonly Line[]
}

/** Books a transaction; true when it was booked now, false when it stood there already. 409 `ledger.id_reused` where another
 *  transaction has its id. */
export async function post(tx: Db, posting: Posting): Promise<boolean> {
  const { kind, personId, meta, lines } = posting
  const requestHash = hashOf({ kind, personId, meta, lines: lines.map((line) => ({ ...line })) })
  try {
    const { booked } = await one(tx, BookedRow, sql`select credit.post(${JSON.stringify({ ...posting, requestHash })}) as booked`)
    return booked
  } catch (error) {
    if (sqlState(error) === 'LC004') throw ledger.id_reused()
    throw error
  }
}

export const personParty = (personId: string) => `person:${personId}`
export const ISSUER = 'inst:dunin7'
