import { timeOf } from '@loomworks/kernel'
import { operation } from '@loomworks/service-kit'
import { sql } from '@loomworks/sql'
import { z } from 'zod'
import { cancelEnrolments } from '../../enrolments.ts'
import { enrolment } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'

export const cancelEnrolmentRoute = operation({
  delete: '/me/enrolment',
  id: 'cancelEnrolment',
  summary: 'Stop a token with which somebody could make my factors anew',
  authz: { actors: ['person'], scope: 'account.security', object: 'enrolment', relation: 'self', restricted: ['recovery', 'erasing'], hide: false },
  reply: z.undefined(),
  status: 204,
  refuses: [enrolment.unknown],

  async answer({ caller }, { db, clock }: IdentityParts) {
    const nowMs = clock.now()
    const cancelled = await cancelEnrolments(db, selfOf(caller), nowMs, sql`expires_at > ${timeOf(nowMs)}`)
    if (cancelled === 0) throw enrolment.unknown()
    return undefined
  },
})
