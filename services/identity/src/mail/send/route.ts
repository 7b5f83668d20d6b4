import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { mail as refuse } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { TEMPLATES } from '../templates.ts'

const AddressRow = z.object({ email: z.string() })
/** What services may have sent; the other letters are identity's own. */
const OfServices = z.strictObject({
  personId: idOf<'person'>(),
  template: z.literal('account_warning'),
  data: TEMPLATES.account_warning.data,
  key: z.string().min(1).max(100),
})

export const sendMailRoute = operation({
  post: '/internal/mail:send',
  id: 'sendMail',
  summary: 'Send a letter to a person, once for its key',
  internal: { auth: 'token', callers: ['credit', 'companion'] },
  body: OfServices,
  /** False: a letter under this key was queued before, and this one is not. */
  reply: z.object({ queued: z.boolean() }),
  status: 202,
  refuses: [refuse.not_configured, shared.not_found, shared.actor_refused, shared.internal_token_invalid, shared.invalid_body],

  /** The address is looked up here and goes nowhere else. Who is not active, or on the way out, gets no letters: 404. */
  async answer({ body, from }, { db, mail }: IdentityParts) {
    mail.require()
    return db.transaction(async (tx) => {
      const person = await maybe(tx, AddressRow, sql`select email from identity.persons where id = ${body.personId} and state in ('active', 'locked')`)
      if (person === undefined) throw shared.not_found()
      return {
        queued: await mail.send(tx, { key: `${from}/${body.key}`, to: person.email, personId: body.personId, template: body.template, data: body.data }),
      }
    })
  },
})
