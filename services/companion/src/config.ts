import { z } from 'zod'

/** Settings of companion: none of its own yet. The only reader of the environment in this service. */
export const CompanionConfig = z.object({})
export type CompanionConfig = z.output<typeof CompanionConfig>
