import { timeOf } from '@loomworks/kernel'
import { operation } from '@loomworks/service-kit'
import { maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { enrolment } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'

const Shown = z.object({ issued_at: z.string(), usable_from: z.string(), expires_at: z.string() })

export const showEnrolmentRoute = operation({
  get: '/me/enrolment',
  id: 'showEnrolment',
  summary: 'Is there a token with which somebody can make my factors anew',
  authz: { actors: ['person'], scope: 'account.security', object: 'enrolment', relation: 'self', restricted: ['recovery', 'erasing'], hide: false },
  reply: Shown,
  refuses: [enrolment.unknown],

  async answer({ caller }, { db, clock }: IdentityParts) {
    const open = await maybe(
      db,
      Shown,
      sql`select created_at as issued_at, usable_from, expires_at
            from identity.enrolment_tokens
           where person_id = ${selfOf(caller)} and state = 'open' and expires_at > ${timeOf(clock.now())}`,
    )
    if (open === undefined) throw enrolment.unknown()
    return open
  },
})
