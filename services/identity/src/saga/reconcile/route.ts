import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { saga as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { actsOnSagas } from '../authz.ts'
import { Finding } from '../findings.ts'
import { mended } from '../mending.ts'
import { isReason } from '../reason.ts'
import { PageCursor, reconciled } from '../reconciling.ts'

export const Reconciled = z.object({
  /** `applied` where something was done about it. */
  findings: z.array(Finding.extend({ applied: z.boolean() })),
  checked: z.int(),
  next_cursor: z.string().nullable(),
})

export const reconcileSagasRoute = operation({
  post: '/admin/sagas/reconcile',
  id: 'reconcileSagas',
  summary: 'Compares streams, fences and the rows of the owners, page by page; does what is proposed where that is wanted',
  authz: actsOnSagas,
  limits: { timeoutMs: 30_000 },
  body: z.strictObject({ dry_run: z.boolean().default(true), reason: z.string().max(500).default(''), cursor: PageCursor.optional() }),
  reply: Reconciled,
  refuses: [
    refusals.reason_required,
    shared.unauthenticated,
    shared.scope_missing,
    shared.actor_refused,
    shared.step_up_required,
    shared.dependency_down,
    shared.invalid_body,
  ],

  async answer({ body: { dry_run: dryRun, reason, cursor }, caller }, parts: IdentityParts) {
    if (!dryRun && !isReason(reason)) throw refusals.reason_required()
    const { findings, checked, next } = await reconciled(parts, cursor)
    const answered = []
    for (const finding of findings) answered.push({ ...finding, applied: !dryRun && (await mended(parts, finding, { reason, caller })) })
    return { findings: answered, checked, next_cursor: next }
  },
})
