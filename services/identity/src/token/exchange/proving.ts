// What a token is exchanged for: the person's own live token, a right they gave beforehand that still stands, or a system agent that the
// asking service runs.
import { AccountStatus, AgentState, PREAPPROVAL_AGENT } from '@loomworks/contracts'
import { type Actor, type PersonId, type ServiceName, timeOf } from '@loomworks/kernel'
import { type Itk, shared } from '@loomworks/service-kit'
import { type Db, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import type { SessionId } from '../../sessions.ts'

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

interface Beforehand {
  readonly personId: PersonId
  readonly capabilityRef: string
}

/** A membership that is live lets its person's Companion act there. A delegation or a connection is known where it is kept: what cannot be
 *  confirmed here lets nobody act. 403 `auth.actor_refused`. */
export async function letBeforehand(db: Db, { personId, capabilityRef }: Beforehand): Promise<z.output<typeof Account>> {
  const [kind, id = ''] = capabilityRef.split(':', 2)
  const found =
    kind === 'membership'
      ? await maybe(
          db,
          Account,
          sql`select p.account_status as account
                from identity.memberships m
                join identity.persons p on p.id = m.principal_id and p.state = 'active'
               where m.id = ${id} and m.principal_id = ${personId} and m.active`,
        )
      : undefined
  if (found === undefined) throw shared.actor_refused()
  return found
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
