// Closed sets that identity alone speaks of; the others are in the contracts.
import { z } from 'zod'

/** Where a registration stands (identity page §4). */
export const RegistrationState = z.enum(['begun', 'passkey_verified', 'proven', 'submitted', 'completed', 'expired'])
export type RegistrationState = z.output<typeof RegistrationState>
