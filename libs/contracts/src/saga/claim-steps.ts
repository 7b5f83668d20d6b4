// The steps that a claim by a member has beside those it shares with the signup (saga page §4).
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { Hash32, HexHash } from '../fields.ts'
import { stepMessage } from '../message.ts'
import { sensitive } from '../sensitive.ts'

const person = idOf<'person'>()
const SAMPLE_PERSON = '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11'

/** May this person claim? Changes nothing. */
export const admitClaim = stepMessage({
  service: 'identity',
  step: 'admitClaim',
  do: z.strictObject({ personId: person }),
  done: z.strictObject({}),
  fails: { 'claim.account_not_eligible': 403 },
  sample: { do: { personId: SAMPLE_PERSON }, done: {} },
})

/** After the pivot: who gave the grant is kept where nobody is named yet, and who had run out has credit again. */
export const settleClaim = stepMessage({
  service: 'identity',
  step: 'settleClaim',
  do: z.strictObject({ personId: person, referredBy: person.optional() }),
  done: z.strictObject({}),
  fails: {},
  sample: { do: { personId: SAMPLE_PERSON }, done: {} },
})

/** What a claim saga is started with. */
export const ClaimInput = z.strictObject({
  personId: person,
  attempt: z.int().min(1).max(5),
  tokenHash: sensitive(Hash32),
  emailHash: sensitive(HexHash),
  emailNormalizedHash: sensitive(HexHash),
})
export type ClaimInput = Readonly<z.output<typeof ClaimInput>>
