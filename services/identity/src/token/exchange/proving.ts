// What a token is exchanged for: the person's own live token, a right they gave beforehand that still stands, or a system agent that the
// asking service runs.
import { AccountStatus, AgentState, PREAPPROVAL_AGENT } from '@loomworks/contracts'
import { type Actor, type Id, idOf, type PersonId, type ServiceName, timeOf } from '@loomworks/kernel'
import { type Itk, shared } from '@loomworks/service-kit'
import { type Db, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { isLinked } from '../../connections.ts'
import { liveDelegation } from '../../delegations.ts'
import type { IdentityParts } from '../../parts.ts'
import type { SessionId } from '../../sessions.ts'
import { AFTERWARDS_MS } from '../../signed-operations.ts'
import { subjectKey } from '../../subject-keys.ts'

const CapabilityKind = z.enum(['membership', 'delegation', 'connection'])
const Account = z.object({ account: AccountStatus })

interface InPerson {
  readonly personId: PersonId
  readonly sessionId: SessionId
  readonly scope: string
  readonly account: z.output<typeof Account>['account']
}

/** The person asked the Companion a moment ago, by a whole session that is still live. 401 `token_refused` where they did not. */
export async function askedInPerson({ db, clock, companionTokens }: IdentityParts, token: string): Promise<InPerson> {
  const { act, sid, scope, restricted } = await verified(companionTokens, token)
  if (act.kind !== 'person' || sid === undefined || restricted !== undefined) throw shared.token_refused()
  const now = timeOf(clock.now())
  const found = await maybe(
    db,
    Account,
    sql`select p.account_status as account
          from identity.sessions s
          join identity.persons p on p.id = s.person_id and p.state = 'active'
         where s.id = ${sid} and s.person_id = ${act.id} and s.restricted = 'none' and s.revoked_at is null
           and s.idle_expires_at > ${now} and s.absolute_expires_at > ${now}`,
  )
  if (found === undefined) throw shared.token_refused()
  return { personId: act.id, sessionId: sid, scope, account: found.account }
}

function verified(tokens: IdentityParts['companionTokens'], token: string): Promise<Itk> {
  return tokens.verify(token).catch(() => {
    throw shared.token_refused()
  })
}

interface Signed {
  readonly personId: PersonId
  readonly operationHash: string
  readonly actionId: Id<'action'>
  readonly actionVersion: number
}

/** The person signed this version of this action on a card, whether they are here now or not. The card is still good, or what it allows was begun
 *  while it was, and is being seen to its end. 403 `auth.actor_refused`. */
export async function askedOnCard(
  { db, clock }: IdentityParts,
  { personId, operationHash, actionId, actionVersion }: Signed,
): Promise<z.output<typeof Account>> {
  const nowMs = clock.now()
  const found = await maybe(
    db,
    Account,
    sql`select p.account_status as account
          from identity.verified_operations o
          join identity.persons p on p.id = o.person_id and p.state = 'active'
         where o.hash = ${operationHash} and o.person_id = ${personId} and o.kind = 'approval'
           and o.action_id = ${actionId} and o.version = ${actionVersion}
           and (o.not_after > ${timeOf(nowMs)}
                or exists (select from identity.minted m where m.operation_hash = o.hash and m.first_at > ${timeOf(nowMs - AFTERWARDS_MS)}))`,
  )
  if (found === undefined) throw shared.actor_refused()
  return found
}

interface Beforehand {
  readonly personId: PersonId
  readonly capabilityRef: string
}

/** A right that the person gave and that stands lets their Companion act: a membership that is live, a version of a contract that is, a connection
 *  that is linked. 403 `auth.actor_refused`. */
export async function letBeforehand(parts: IdentityParts, { personId, capabilityRef }: Beforehand): Promise<z.output<typeof Account>> {
  const active = sql`select account_status as account from identity.persons where id = ${personId} and state = 'active'`
  const found = (await rightStands(parts, personId, capabilityRef)) ? await maybe(parts.db, Account, active) : undefined
  if (found === undefined) throw shared.actor_refused()
  return found
}

const Membership = z.object({ id: z.string() })

async function rightStands(parts: IdentityParts, personId: PersonId, capabilityRef: string): Promise<boolean> {
  const { db, clock } = parts
  const [kind, right = ''] = capabilityRef.split(':', 2)
  switch (CapabilityKind.parse(kind)) {
    case 'membership': {
      const where = sql`id = ${right} and principal_id = ${personId} and active`
      return (await maybe(db, Membership, sql`select id from identity.memberships where ${where}`)) !== undefined
    }
    case 'delegation': {
      const [id, version] = right.split('@', 2)
      const key = await subjectKey(parts, personId, 'identity')
      if (!Buffer.isBuffer(key)) return false
      return (await liveDelegation(db, { id: idOf<'delegation'>().parse(id), personId, key, nowMs: clock.now() }))?.version === Number(version)
    }
    case 'connection':
      return isLinked(db, personId, right)
  }
}

/** Which service runs which agent of the system. */
const RUN_BY: ReadonlyMap<string, ServiceName> = new Map([[PREAPPROVAL_AGENT.id, 'memory']])
const SystemAgent = z.object({ instruction_version: z.int(), state: AgentState })

/** An agent of the system has no token: its service names it, with the instruction it follows. 403 `auth.actor_refused`. */
export async function systemAgent(
  db: Db,
  { agentId, instructionVersion }: { readonly agentId: Extract<Actor, { kind: 'agent' }>['id']; readonly instructionVersion: number },
  service: ServiceName,
): Promise<Extract<Actor, { kind: 'agent' }>> {
  const found = await maybe(db, SystemAgent, sql`select instruction_version, state from identity.agents where id = ${agentId} and engagement_id is null`)
  if (found?.state !== 'active' || found.instruction_version !== instructionVersion || RUN_BY.get(agentId) !== service) throw shared.actor_refused()
  return { kind: 'agent', id: agentId, instructionVersion }
}
