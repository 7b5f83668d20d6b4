import { EnrolmentTokenIssued } from '@loomworks/contracts'
import { type PersonId, timeOf } from '@loomworks/kernel'
import { Answered, operation, REPLAYED, shared } from '@loomworks/service-kit'
import { type Db, maybe, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { cancelEnrolments, issueEnrolment } from '../../enrolments.ts'
import { enrolment, mail as mailRefusals, person } from '../../errors.ts'
import { fact } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { type Act, actIn, PersonParams } from '../acting.ts'
import { administersPerson } from '../authz.ts'
import { lockedState } from '../queries.ts'

const Shown = z.object({ token: z.string(), usable_from: z.string(), expires_at: z.string() })
const Mailed = z.object({ usable_from: z.string(), expires_at: z.string() })

export const issueEnrolmentRoute = operation({
  post: '/admin/persons/:id/enrolment-token',
  id: 'issueEnrolment',
  summary: 'Let a person make their passkey and factors anew',
  authz: administersPerson,
  limits: { idempotency: 'optional' },
  params: PersonParams,
  reply: Shown,
  oneTime: ['token'],
  status: 201,
  // 200 is the 201 given again for its key: the token was told that once.
  also: { 200: Mailed, 202: Mailed },
  refuses: [person.state, enrolment.waiting, mailRefusals.not_configured, shared.not_found, shared.invalid_body],

  async answer({ params, caller, once }, parts: IdentityParts) {
    const answer = await once(parts.db, (tx) => issued(tx, parts, { personId: params.id, caller }))
    return answer.status === 201 && answer.headers[REPLAYED] !== undefined ? new Answered(200, answer.body, { headers: answer.headers }) : answer
  },
})

/** Who has no factor has nobody to warn: the token is shown. Else it goes to the person alone, and they have a day to stop it, which another one
 *  does not cut short. */
async function issued(tx: Tx, parts: IdentityParts, about: Act): Promise<Answered> {
  const { personId, caller } = about
  const { mail } = parts
  let answer: Answered | undefined
  await actIn(tx, parts, about, async ({ nowMs }) => {
    const from = await lockedState(tx, personId)
    if (from !== 'active') throw person.state({ from })
    await cancelEnrolments(tx, personId, nowMs, sql`(not mailed or expires_at <= ${timeOf(nowMs)})`)
    await requireNoneWaits(tx, personId)
    const { email, has_factor: mailed } = await standingOf(tx, personId)
    if (mailed) mail.require()
    const { id, token, usableFrom, expiresAt } = await issueEnrolment(tx, { personId, by: caller.actor, mailed, nowMs })
    if (mailed) await mail.send(tx, { key: `enrolment/${id}`, to: email, personId, template: 'enrolment_token', data: { token, usableFrom, expiresAt } })
    const times = { usable_from: usableFrom, expires_at: expiresAt }
    answer = mailed ? new Answered(202, times) : new Answered(201, { token, ...times })
    return [fact(EnrolmentTokenIssued, { personId, by: caller.actor })]
  })
  if (answer === undefined) throw shared.internal()
  return answer
}

const Waiting = z.object({ usable_from: z.string() })

async function requireNoneWaits(tx: Db, personId: PersonId): Promise<void> {
  const waiting = await maybe(tx, Waiting, sql`select usable_from from identity.enrolment_tokens where person_id = ${personId} and state = 'open'`)
  if (waiting !== undefined) throw enrolment.waiting({ usableFrom: waiting.usable_from })
}

const Standing = z.object({ email: z.string(), has_factor: z.boolean() })

function standingOf(tx: Db, personId: PersonId): Promise<z.output<typeof Standing>> {
  return one(
    tx,
    Standing,
    sql`select p.email,
               exists (select from identity.webauthn_credentials c where c.person_id = p.id and c.state <> 'removed')
               or exists (select from identity.totp_factors t where t.person_id = p.id)
               or exists (select from identity.recovery_codes r where r.person_id = p.id and r.used_at is null) as has_factor
          from identity.persons p
         where p.id = ${personId}`,
  )
}
