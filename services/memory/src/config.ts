import { z } from 'zod'

const NUMBER_MAX = 1_000_000

/** Settings of memory. The only reader of the environment in this service. */
export const MemoryConfig = z
  .object({
    MEMORY_MASTER_KEY_FILE: z.string().min(1),
    MEMORY_SANDBOX: z.enum(['on', 'off']).default('off'),
    MEMORY_DISPLAY_START: z.coerce.number().int().min(1).max(NUMBER_MAX).default(1000),
    MEMORY_DISPLAY_BLOCK: z.coerce.number().int().min(1).max(1000).default(1),
  })
  .transform((env) => ({
    masterKeyFile: env.MEMORY_MASTER_KEY_FILE,
    sandbox: env.MEMORY_SANDBOX === 'on',
    displayStart: env.MEMORY_DISPLAY_START,
    displayBlock: env.MEMORY_DISPLAY_BLOCK,
  }))
export type MemoryConfig = z.output<typeof MemoryConfig>
