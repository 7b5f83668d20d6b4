import { Designation } from '@loomworks/contracts'
import { EmailAddress, emailLookup, newId, timeOf, tokenHash } from '@loomworks/kernel'
import { operation, requireStepUp, shared } from '@loomworks/service-kit'
import { type Db, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { heldStandingAt, requireChosen, requireOperator, requireOwnOperators, standingAt } from '../../engagements.ts'
import { invitation, membership } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { newToken } from '../../tokens.ts'
import type { Invitation } from '../queries.ts'
import { ShownInvitation, shownInvitation } from '../shown.ts'

const LIFE_MS = 7 * 86_400_000
const OPEN_MAX = 100

export const inviteRoute = operation({
  post: '/engagements/:engagement/invitations',
  id: 'invite',
  summary: 'Invite somebody; the token is shown this once. An operator’s designation needs a fresh passkey',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'operator', hide: true },
  limits: { idempotency: 'optional' },
  params: z.object({ engagement: z.string() }),
  body: z.strictObject({
    email: EmailAddress.optional(),
    designations: z
      .array(Designation)
      .min(1)
      .max(Designation.options.length)
      .refine((all) => new Set(all).size === all.length, { message: 'each once' }),
  }),
  // An answer that is given again for its key has neither token nor address: none of them is kept with it.
  reply: ShownInvitation.partial({ email: true }).extend({ token: z.string().optional() }),
  oneTime: ['token', 'email'],
  status: 201,
  refuses: [
    shared.not_found,
    shared.invalid_body,
    shared.step_up_required,
    membership.operator_required,
    membership.personal_fixed,
    membership.automatic,
    invitation.limit,
  ],

  async answer({ params, body, caller, token: own, once }, { db, clock }: IdentityParts) {
    const personId = selfOf(caller)
    const nowMs = clock.now()
    const standing = await standingAt(db, params.engagement, personId)
    requireChosen(standing)
    requireOperator(standing)
    requireOwnOperators(standing, body.designations)
    if (body.designations.includes('operator')) requireStepUp('passkey', own, nowMs)
    const token = newToken('lwi')
    const made: Invitation = {
      id: newId(nowMs),
      engagement_id: standing.id,
      email_lookup: body.email === undefined ? null : emailLookup(body.email),
      designations: body.designations,
      invited_by: personId,
      state: 'open',
      created_at: timeOf(nowMs),
      expires_at: timeOf(nowMs + LIFE_MS),
    }
    return once(db, async (tx) => {
      requireOperator(await heldStandingAt(tx, standing.id, personId))
      await inserted(tx, made, tokenHash(token))
      return { ...shownInvitation(made), token }
    })
  },
})

const Count = z.object({ open: z.int() })

async function inserted(tx: Db, { id, engagement_id: engagement, ...made }: Invitation, hash: string): Promise<void> {
  const { open } = await one(
    tx,
    Count,
    sql`select count(*)::integer as open
          from identity.invitations
         where engagement_id = ${engagement} and state = 'open' and expires_at > ${made.created_at}`,
  )
  if (open >= OPEN_MAX) throw invitation.limit()
  await exec(
    tx,
    sql`insert into identity.invitations (id, engagement_id, token_hash, email_lookup, designations, invited_by, state, created_at, expires_at)
        values (${id}, ${engagement}, ${hash}, ${made.email_lookup}, ${made.designations}, ${made.invited_by}, 'open', ${made.created_at}, ${made.expires_at})`,
  )
}
