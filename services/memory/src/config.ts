import { z } from 'zod'

/** Settings of memory. The only reader of the environment in this service. */
export const MemoryConfig = z
  .object({
    MEMORY_MASTER_KEY_FILE: z.string().min(1),
    MEMORY_SANDBOX: z.enum(['on', 'off']).default('off'),
  })
  .transform((env) => ({ masterKeyFile: env.MEMORY_MASTER_KEY_FILE, sandbox: env.MEMORY_SANDBOX === 'on' }))
export type MemoryConfig = z.output<typeof MemoryConfig>
