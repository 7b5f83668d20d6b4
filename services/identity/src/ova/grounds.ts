// On what ground a mandate is minted (companion page §12, §20): the person signed this very act on a card, a contract that covers it, or the connection
// that is read. A service's word is no ground.
import { type Act, actOf, beyondTerms, type Capability, ConnectionOperation, type MandateMode, type Money, PinnedContact, SentLeg } from '@loomworks/contracts'
import type { PersonId } from '@loomworks/kernel'
import type { Tx } from '@loomworks/sql'
import { z } from 'zod'
import { isLinked } from '../connections.ts'
import { liveDelegation, raisingOf } from '../delegations.ts'
import { ova as refuse } from '../errors.ts'
import { hashOfSigned, hasSigned, Signed } from '../signed-operations.ts'
import type { MintRefusal } from '../vocabulary.ts'

const MAX_RECIPIENTS = 20
const READS: readonly Capability[] = ['calendar.read', 'reservation.search', 'place.lookup', 'wallet.read']

/** `act` names one of the acts on a card. Of a contract or a connection the call itself comes, `leg`, as the service will see it: in its body `payee`
 *  is who is paid, as the connector knows them, and `recipients` the addresses it is written to; whose they are is said beside. */
export const Ground = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('card'), signed: Signed, act: z.string().regex(/^[0-9a-f]{64}$/) }),
  z.strictObject({
    by: z.literal('contract'),
    signed: Signed,
    connection: ConnectionOperation,
    leg: SentLeg,
    recipients: z.array(PinnedContact).min(1).max(MAX_RECIPIENTS).optional(),
  }),
  z.strictObject({ by: z.literal('connection'), connection: ConnectionOperation, leg: SentLeg }),
])
export type Ground = z.output<typeof Ground>
type Contracted = Extract<Ground, { by: 'contract' }>

export interface Allowed {
  readonly aud: string
  readonly capability: Capability
  readonly act: string
  readonly amount?: z.output<typeof Money> | undefined
  readonly operationHash: string
  readonly endsAtMs: number
}

export interface Asking {
  readonly personId: PersonId
  readonly mode: MandateMode
  /** The person's key, under which their contracts are sealed. */
  readonly key: Buffer
  readonly nowMs: number
}

export function exceeds(reason: MintRefusal): Error {
  return refuse.mint_exceeds_signature({ reason })
}

/** What the person's signature allows of what is asked; `mint_exceeds_signature` where it does not. What became of an act, and taking it back,
 *  is allowed by the signature it was done on, however the contract stands now. */
export async function allowedBy(tx: Tx, ground: Ground, asking: Asking): Promise<Allowed> {
  switch (ground.by) {
    case 'card':
      return onCard(tx, ground, asking)
    case 'contract':
      return onContract(tx, ground, asking)
    case 'connection':
      return onConnection(tx, ground, asking)
    default:
      return ground satisfies never
  }
}

async function onCard(tx: Tx, { signed, act }: Extract<Ground, { by: 'card' }>, { personId, mode, key, nowMs }: Asking): Promise<Allowed> {
  if (signed.kind !== 'approval' || !(await hasSigned(tx, personId, signed))) throw exceeds('unsigned')
  const { decision, action, contract, expires_at } = signed.operation
  if (decision !== 'approve') throw exceeds('decision')
  const leg = action.legs.find((each) => each.act === act)
  if (leg === undefined) throw exceeds('act')
  const allowed = { ...callIn(leg), act, operationHash: hashOfSigned(signed), endsAtMs: Number.POSITIVE_INFINITY }
  if (mode === 'read') throw exceeds('mode')
  if (mode !== 'do') return allowed
  if (contract !== undefined) {
    const live = await liveDelegation(tx, { id: contract.id, personId, key, nowMs })
    if (live?.version !== contract.version) throw exceeds('contract')
  }
  return { ...allowed, endsAtMs: Date.parse(expires_at) }
}

async function onContract(tx: Tx, ground: Contracted, asking: Asking): Promise<Allowed> {
  const { signed, leg } = ground
  const { personId, mode, key, nowMs } = asking
  const raising = raisingOf(signed)
  if (raising === undefined || !(await hasSigned(tx, personId, signed))) throw exceeds('unsigned')
  const operationHash = hashOfSigned(signed)
  const allowed = { ...callIn(leg), act: actOf(leg), operationHash, endsAtMs: Number.POSITIVE_INFINITY }
  if (mode === 'read') throw exceeds('mode')
  if (mode !== 'do') return allowed
  const live = await liveDelegation(tx, { id: raising.id, personId, key, nowMs })
  if (live?.signedHash !== operationHash) throw exceeds('contract')
  if (live.terms.stage === 1) throw exceeds('stage')
  await requireLinked(tx, ground.connection, { personId, aud: leg.aud })
  const beyond = beyondTerms(live.terms, actIn(ground, nowMs))
  if (beyond !== undefined) throw exceeds(beyond)
  return { ...allowed, endsAtMs: Date.parse(live.terms.expires_at) }
}

/** The call in the words of a contract. */
function actIn({ leg, connection, recipients }: Contracted, atMs: number): Act {
  const { payee, recipients: addresses = [] } = leg.body
  if (!Array.isArray(addresses) || addresses.length !== (recipients ?? []).length) throw exceeds('recipients')
  if (payee !== undefined && typeof payee !== 'string') throw exceeds('payee')
  return {
    connector: connection.connector,
    capability: leg.capability,
    amount: leg.amount,
    payee: payee === undefined ? undefined : { connector: connection.connector, id: payee },
    recipients,
    atMs,
  }
}

async function onConnection(tx: Tx, { connection, leg }: Extract<Ground, { by: 'connection' }>, { personId, mode }: Asking): Promise<Allowed> {
  if (mode !== 'read') throw exceeds('mode')
  await requireLinked(tx, connection, { personId, aud: leg.aud })
  if (!READS.includes(leg.capability) || !connection.capabilities.includes(leg.capability)) throw exceeds('capability')
  if (leg.amount !== undefined) throw exceeds('amount')
  const operationHash = hashOfSigned({ kind: 'connection', operation: connection })
  return { ...callIn(leg), act: actOf(leg), operationHash, endsAtMs: Number.POSITIVE_INFINITY }
}

/** What a service is told of a call beside its act. */
function callIn({ aud, capability, amount }: Pick<Allowed, 'aud' | 'capability' | 'amount'>): Pick<Allowed, 'aud' | 'capability' | 'amount'> {
  return { aud, capability, amount }
}

async function requireLinked(tx: Tx, connection: z.output<typeof ConnectionOperation>, { personId, aud }: { personId: PersonId; aud: string }): Promise<void> {
  if (!(await hasSigned(tx, personId, { kind: 'connection', operation: connection }))) throw exceeds('connection')
  if (!(await isLinked(tx, personId, connection.connection_id))) throw exceeds('connection')
  if (connection.aud !== aud) throw exceeds('audience')
}
