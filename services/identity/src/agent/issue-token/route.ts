import { AgentTokenIssued, Scope } from '@loomworks/contracts'
import { idOf, newId, timeOf, tokenHash } from '@loomworks/kernel'
import { operation, requireStepUp, shared } from '@loomworks/service-kit'
import { exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { agent as refusals } from '../../errors.ts'
import { fact, stateFacts } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { newToken } from '../../tokens.ts'
import { AgentParams, type ChangingAgent, changingAgent, REFUSED } from '../changing.ts'

const DAY_MS = 86_400_000
const LIVE_MAX = 10
const SHOWN_OF_TOKEN = 8
/** What an agent of an engagement may be let do; the last is commit authority. */
const GRANTABLE: ReadonlySet<Scope> = new Set(['memory.read', 'memory.write', 'memory.commit'])

const Issued = z.object({ id: idOf<'agent_token'>(), token: z.string(), prefix: z.string(), scopes: z.array(Scope), expires_at: z.string() })

export const issueAgentTokenRoute = operation({
  post: '/agents/:agent/tokens',
  id: 'issueAgentToken',
  summary: 'A token to act with, shown this once; one that may commit needs a fresh passkey',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'agent', idFrom: 'params.agent', relation: 'operator', hide: true },
  limits: { idempotency: 'optional' },
  params: AgentParams,
  body: z.strictObject({
    scopes: z
      .array(Scope)
      .min(1)
      .max(Scope.options.length)
      .refine((all) => new Set(all).size === all.length, { message: 'each once' }),
    expires_in_days: z.int().min(1).max(365).default(90),
  }),
  // An answer that is given again for its key has no token.
  reply: Issued.partial({ token: true }),
  oneTime: ['token'],
  status: 201,
  refuses: [...REFUSED, shared.step_up_required, refusals.retired, refusals.scope_not_grantable, refusals.token_limit],

  answer(request, parts: IdentityParts) {
    const { scopes, expires_in_days: days } = request.body
    return changingAgent(request, parts, (changing) => {
      const nowMs = parts.clock.now()
      if (scopes.some((scope) => !GRANTABLE.has(scope))) throw refusals.scope_not_grantable()
      if (scopes.includes('memory.commit')) requireStepUp('passkey', request.token, nowMs)
      return issued(changing, { scopes, nowMs, expiresAt: timeOf(nowMs + days * DAY_MS) })
    })
  },
})

const Count = z.object({ live: z.int() })

interface Issuing {
  readonly scopes: readonly Scope[]
  readonly nowMs: number
  readonly expiresAt: string
}

/** Under the lock of the agent's row, so that no eleventh slips in. */
async function issued({ tx, agent, personId, stating }: ChangingAgent, { scopes, nowMs, expiresAt }: Issuing): Promise<z.input<typeof Issued>> {
  if (agent.state === 'retired') throw refusals.retired()
  const { live } = await one(
    tx,
    Count,
    sql`select count(*)::integer as live from identity.agent_tokens where agent_id = ${agent.id} and revoked_at is null and expires_at > ${stating.at}`,
  )
  if (live >= LIVE_MAX) throw refusals.token_limit()
  const token = newToken('lwa')
  const [id, prefix] = [newId<'agent_token'>(nowMs), token.slice(0, SHOWN_OF_TOKEN)]
  await exec(
    tx,
    sql`insert into identity.agent_tokens (id, agent_id, token_hash, prefix, scopes, created_by, created_at, expires_at)
        values (${id}, ${agent.id}, ${tokenHash(token)}, ${prefix}, ${[...scopes]}, ${personId}, ${stating.at}, ${expiresAt})`,
  )
  await stateFacts(tx, id, [fact(AgentTokenIssued, { agentId: agent.id, tokenId: id, scopes: [...scopes], expiresAt })], stating)
  return { id, token, prefix, scopes: [...scopes], expires_at: expiresAt }
}
