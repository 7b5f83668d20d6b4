// The one place that writes `persons.account_status` (identity page §2). Credit decides what becomes of an account and says which decision it
// is (credit page §9); here is judged whether it is an edge of the lifecycle, and each decision is obeyed once, for ever.
import type { Stating } from '@loomworks/bus'
import { AccountStatus, AccountStatusChanged, PersonState } from '@loomworks/contracts'
import type { Id, PersonId } from '@loomworks/kernel'
import { exec, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { fact, statePersonFacts } from './facts.ts'

/** Where an account may go. `deleted` comes with the erasure of its person alone, and nothing leaves it. */
const EDGES: Readonly<Record<AccountStatus, readonly AccountStatus[]>> = {
  active: ['exhausted', 'suspended'],
  exhausted: ['active', 'suspended'],
  suspended: ['active'],
  deleted: [],
}

export interface AccountDecision {
  readonly id: Id<'decision'>
  readonly personId: PersonId
  readonly to: AccountStatus
  readonly reason: string
  /** Its place among the decisions about this person, from 1; absent where it is told without. */
  readonly seq?: number
}

/** `stood`: the status before. `known`: this decision was obeyed already. `late`: a newer one was. `no_account`: nobody is here who has one. */
export type Obeyed =
  | { readonly outcome: 'changed' | 'stands' | 'known' | 'late' | 'no_edge'; readonly stood: AccountStatus }
  | { readonly outcome: 'no_account' }

const Account = z.object({ state: PersonState, account_status: AccountStatus, account_seq: z.bigint() })

/** Obeys a decision of credit, and states the change. Locks the person's row until the transaction ends; writes nothing unless the decision is
 *  new, newer than those before, and an edge from what stands. */
export async function obeyDecision(tx: Tx, decision: AccountDecision, stating: Stating): Promise<Obeyed> {
  const { id, personId, to, seq } = decision
  const account = await maybe(tx, Account, sql`select state, account_status, account_seq from identity.persons where id = ${personId} for no key update`)
  if (account === undefined || account.state === 'pending' || account.state === 'erased') return { outcome: 'no_account' }
  const stood = account.account_status
  if (await isKnown(tx, decision)) return { outcome: 'known', stood }
  if (seq !== undefined && seq <= account.account_seq) return { outcome: 'late', stood }
  if (to !== stood && !EDGES[stood].includes(to)) return { outcome: 'no_edge', stood }
  // Without its place a decision that changes nothing leaves nothing to remember.
  if (to === stood && seq === undefined) return { outcome: 'stands', stood }
  await exec(tx, sql`insert into identity.account_decisions (id, person_id, seq, obeyed_at) values (${id}, ${personId}, ${seq ?? null}, ${stating.at})`)
  await keep(tx, decision, stating.at, to !== stood)
  if (to === stood) return { outcome: 'stands', stood }
  const changed = { personId, from: stood, to, reason: decision.reason, decidedBy: 'credit', decisionId: id } as const
  await statePersonFacts(tx, personId, [fact(AccountStatusChanged, changed)], stating)
  return { outcome: 'changed', stood }
}

const Place = z.object({ seq: z.bigint().nullable(), person_id: z.string() })

/** Was this decision obeyed? Where it was told without its place, which is told now, those before it come too late from here on. */
async function isKnown(tx: Tx, { id, personId, seq }: AccountDecision): Promise<boolean> {
  const known = await maybe(tx, Place, sql`select seq, person_id from identity.account_decisions where id = ${id}`)
  if (known?.seq === null && known.person_id === personId && seq !== undefined) {
    await exec(tx, sql`update identity.account_decisions set seq = ${seq} where id = ${id}`)
    await exec(tx, sql`update identity.persons set account_seq = greatest(account_seq, ${seq}) where id = ${personId}`)
  }
  return known !== undefined
}

function keep(tx: Tx, { personId, to, seq = 0 }: AccountDecision, at: string, changes: boolean): Promise<number> {
  return exec(
    tx,
    sql`update identity.persons
           set account_status = ${to},
               account_seq = greatest(account_seq, ${seq}),
               previous_status_change_at = case when ${changes} then ${at}::timestamptz else previous_status_change_at end
         where id = ${personId}`,
  )
}
