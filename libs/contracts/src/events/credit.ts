// Integration events of credit (credit page §13). Amounts are decimal text in minor units.
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { Amount, At, ClosedWord } from '../fields.ts'
import { integrationEvent } from '../message.ts'
import { AccountStatus, CreditAsset, GrantKind, LineRole } from '../sets.ts'

const GRANT = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c33'
const PERSON = '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11'

const LedgerParty = z.string().regex(/^(?:person:[0-9a-f-]{36}|inst:[a-z0-9]{1,32})$/)
const LedgerLine = z.strictObject({
  tx: idOf<'tx'>().optional(),
  line: z.int().min(1).max(64),
  role: LineRole,
  from: LedgerParty,
  to: LedgerParty,
  asset: CreditAsset,
  quantity: Amount,
})

export const GrantIssued = integrationEvent('credit', 'GrantIssued', {
  schema: z.strictObject({
    grantId: idOf<'grant'>(),
    grantKind: GrantKind,
    assetId: CreditAsset,
    amount: Amount,
    expiresAt: At,
    campaignRef: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,100}$/)
      .optional(),
  }),
  priority: 'high',
  entity: (data) => data.grantId,
  sample: { grantId: GRANT, grantKind: 'operator_curated', assetId: 'loomworks_credit_sonnet', amount: '100000', expiresAt: '2030-02-02T03:04:05.678Z' },
})

export const GrantClaimed = integrationEvent('credit', 'GrantClaimed', {
  schema: z.strictObject({ grantId: idOf<'grant'>(), personId: idOf<'person'>(), sagaId: idOf<'saga'>() }),
  priority: 'high',
  entity: (data) => data.personId,
  sample: { grantId: GRANT, personId: PERSON, sagaId: '5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27' },
})

export const CreditsIssued = integrationEvent('credit', 'CreditsIssued', {
  schema: z.strictObject({
    tx: idOf<'tx'>(),
    personId: idOf<'person'>(),
    assetId: CreditAsset,
    quantity: Amount,
    lines: z.array(LedgerLine).min(1).max(64),
    cause: z.enum(['grant', 'admin']),
    epoch: idOf<'tx'>(),
  }),
  priority: 'high',
  entity: (data) => data.personId,
  sample: {
    tx: GRANT,
    personId: PERSON,
    assetId: 'loomworks_credit_sonnet',
    quantity: '100000',
    lines: [{ line: 1, role: 'credit', from: 'inst:dunin7', to: `person:${PERSON}`, asset: 'loomworks_credit_sonnet', quantity: '100000' }],
    cause: 'grant',
    epoch: GRANT,
  },
})

/** What credit decided of an account; identity obeys and tells `AccountStatusChanged`. `seq` counts the decisions about a person, from 1.
 *  `deleted` is obeyed in the erasure `erasureId` alone. */
export const AccountStatusDecided = integrationEvent('credit', 'AccountStatusDecided', {
  schema: z.strictObject({
    decisionId: idOf<'decision'>(),
    seq: z.int().min(1),
    personId: idOf<'person'>(),
    from: AccountStatus,
    to: AccountStatus,
    reason: ClosedWord,
    erasureId: idOf<'erasure'>().optional(),
  }),
  priority: 'high',
  entity: (data) => data.personId,
  sample: {
    decisionId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c77',
    seq: 3,
    personId: PERSON,
    from: 'exhausted',
    to: 'suspended',
    reason: 'window',
  },
})
