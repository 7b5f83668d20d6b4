import { z } from 'zod'

/** Settings of audit. The only reader of the environment in this service. */
export const AuditConfig = z
  .object({
    PUBLIC_ORIGIN: z.url({ protocol: /^https?$/ }),
    /** The log's Ed25519 seed, apart from every other key. */
    AUDIT_KEY_FILE: z.string().min(1),
  })
  .transform((env) => ({ publicHost: new URL(env.PUBLIC_ORIGIN).hostname, publicOrigin: new URL(env.PUBLIC_ORIGIN).origin, keyFile: env.AUDIT_KEY_FILE }))
export type AuditConfig = z.output<typeof AuditConfig>
