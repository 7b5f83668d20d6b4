// The six steps of the signup saga as messages (saga page §3). Ids and keyed hashes only: no name, address or token.
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { Amount, At, Hash32, HexHash } from '../fields.ts'
import { stepMessage } from '../message.ts'
import { sensitive } from '../sensitive.ts'
import { CreditAsset, GrantKind } from '../sets.ts'

const person = idOf<'person'>()
const engagement = idOf<'engagement'>()
/** A claim token may be known to somebody else, an address may be guessed. */
const tokenHash = sensitive(Hash32)
const emailHash = sensitive(HexHash)
const SAMPLE_PERSON = '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11'
const SAMPLE_ENGAGEMENT = '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c22'
const SAMPLE_GRANT = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c33'
const HASH = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

export const reserveGrant = stepMessage({
  service: 'credit',
  step: 'reserve',
  do: z.strictObject({ tokenHash, emailHash, emailNormalizedHash: emailHash, personId: person }),
  done: z.strictObject({ grantId: idOf<'grant'>(), assetId: CreditAsset, amount: Amount, grantKind: GrantKind, referredBy: person.optional() }),
  undo: z.strictObject({ personId: person }),
  fails: {
    'claim.token_unknown': 404,
    'claim.already_claimed': 409,
    'claim.in_progress': 409,
    'claim.expired': 410,
    'claim.revoked': 410,
    'claim.email_mismatch': 403,
  },
  sample: {
    do: { tokenHash: HASH, emailHash: 'a'.repeat(64), emailNormalizedHash: 'b'.repeat(64), personId: SAMPLE_PERSON },
    done: { grantId: SAMPLE_GRANT, assetId: 'loomworks_credit_sonnet', amount: '100000', grantKind: 'operator_curated' },
    undo: { personId: SAMPLE_PERSON },
  },
})

export const createPendingPerson = stepMessage({
  service: 'identity',
  step: 'createPending',
  do: z.strictObject({ registrationId: idOf<'registration'>(), personId: person }),
  done: z.strictObject({ credentialCount: z.int().min(0) }),
  undo: z.strictObject({ registrationId: idOf<'registration'>(), personId: person }),
  fails: { 'signup.email_taken': 409, 'signup.credential_taken': 409, 'signup.registration_expired': 410, 'signup.too_many_attempts': 429 },
  sample: {
    do: { registrationId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', personId: SAMPLE_PERSON },
    done: { credentialCount: 1 },
    undo: { registrationId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', personId: SAMPLE_PERSON },
  },
})

export const inductPersonalEngagement = stepMessage({
  service: 'memory',
  step: 'induct',
  do: z.strictObject({ personId: person, engagementId: engagement }),
  done: z.strictObject({ engagementId: engagement, seed: idOf<'object'>(), cycle: idOf<'object'>(), position: z.string().regex(/^[0-9]+$/) }),
  undo: z.strictObject({ personId: person, engagementId: engagement }),
  fails: {},
  sample: {
    do: { personId: SAMPLE_PERSON, engagementId: SAMPLE_ENGAGEMENT },
    done: { engagementId: SAMPLE_ENGAGEMENT, seed: '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c23', cycle: '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c24', position: '42' },
    undo: { personId: SAMPLE_PERSON, engagementId: SAMPLE_ENGAGEMENT },
  },
})

export const joinCommons = stepMessage({
  service: 'identity',
  step: 'commonsJoin',
  do: z.strictObject({ personId: person, engagementId: engagement }),
  done: z.strictObject({ membershipIds: z.array(idOf<'membership'>()).length(2) }),
  undo: z.strictObject({ personId: person, engagementId: engagement }),
  fails: {},
  sample: {
    do: { personId: SAMPLE_PERSON, engagementId: SAMPLE_ENGAGEMENT },
    done: { membershipIds: ['9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c25', '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c26'] },
    undo: { personId: SAMPLE_PERSON, engagementId: SAMPLE_ENGAGEMENT },
  },
})

/** The pivot: after it was sent the saga only goes forward. It never refuses. */
export const activatePerson = stepMessage({
  service: 'identity',
  step: 'activate',
  do: z.strictObject({ personId: person, engagementId: engagement, referredBy: person.optional(), claimed: z.boolean() }),
  done: z.strictObject({ activatedAt: At }),
  fails: {},
  sample: { do: { personId: SAMPLE_PERSON, engagementId: SAMPLE_ENGAGEMENT, claimed: false }, done: { activatedAt: '2030-01-02T03:04:05.678Z' } },
})

export const confirmGrant = stepMessage({
  service: 'credit',
  step: 'confirm',
  do: z.strictObject({ grantId: idOf<'grant'>(), personId: person }),
  done: z.strictObject({ flowTx: idOf<'tx'>(), balance: Amount }),
  fails: {},
  sample: { do: { grantId: SAMPLE_GRANT, personId: SAMPLE_PERSON }, done: { flowTx: SAMPLE_GRANT, balance: '100000' } },
})

/** What a signup saga is started with. `tokenHash` and the two e-mail hashes only where a claim token came along. */
export const SignupInput = z.strictObject({
  registrationId: idOf<'registration'>(),
  attempt: z.int().min(1).max(5),
  tokenHash: tokenHash.optional(),
  emailHash: emailHash.optional(),
  emailNormalizedHash: emailHash.optional(),
})
export type SignupInput = Readonly<z.output<typeof SignupInput>>
