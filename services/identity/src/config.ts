import { z } from 'zod'

const origin = z
  .url({ protocol: /^https?$/ })
  .transform((text) => new URL(text))
  .refine((url) => url.protocol === 'https:' || url.hostname === 'localhost', { message: 'must be https, or http://localhost: passkeys and cookies need it' })
  .transform((url) => url.origin)

/** `SETTING_<KEY>` of the environment, whether the key's dot was kept or, as shells ask for, written as `_`. */
function settingIn(env: Readonly<Record<string, unknown>>, key: string): unknown {
  const wanted = `SETTING_${key}`.toUpperCase().replaceAll('.', '_')
  return Object.entries(env).find(([name]) => name.toUpperCase().replaceAll('.', '_') === wanted)?.[1]
}

const Settings = z
  .object({
    PUBLIC_ORIGIN: origin,
    RP_ID: z.string().min(1).optional(),
    VAULT_KEK_FILE: z.string().min(1),
    EMAIL_PEPPER_FILE: z.string().min(1),
    /** Hashes of the services' secrets: a JSON object in a file, or, embedded, the object itself. */
    SERVICE_SECRETS_FILE: z.string().optional(),
    SERVICE_SECRETS: z.string().optional(),
    OPERATOR_TOKEN_FILE: z.string().optional(),
    /** Where letters go: a mail server, or a folder. Without either, what needs a letter is refused. */
    SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
    MAILBOX_DIR: z.string().min(1).optional(),
    MAIL_FROM: z.email().optional(),
    SAGA_OPEN_MAX: z.coerce.number().int().min(1).default(1000),
    SETTING_SIGNUP_MODE: z.enum(['open', 'claim_only', 'closed']).default('open'),
    /** Embedded only: the first activated person gets the roles admin and ops. */
    FIRST_PERSON_IS_ADMIN: z.enum(['on', 'off']).default('off'),
  })
  .refine((env) => env.SERVICE_SECRETS !== undefined || env.SERVICE_SECRETS_FILE !== undefined, { path: ['SERVICE_SECRETS_FILE'], message: 'is missing' })
  .refine((env) => env.SMTP_URL === undefined || env.MAILBOX_DIR === undefined, { path: ['MAILBOX_DIR'], message: 'stands beside SMTP_URL: keep one of them' })
  .refine((env) => env.SMTP_URL === undefined || env.MAIL_FROM !== undefined, {
    path: ['MAIL_FROM'],
    message: 'is missing: letters sent over SMTP_URL need a sender',
  })
  .transform((env) => ({
    publicOrigin: env.PUBLIC_ORIGIN,
    rpId: env.RP_ID ?? new URL(env.PUBLIC_ORIGIN).hostname,
    vaultKeyFile: env.VAULT_KEK_FILE,
    emailPepperFile: env.EMAIL_PEPPER_FILE,
    serviceSecrets: env.SERVICE_SECRETS,
    serviceSecretsFile: env.SERVICE_SECRETS_FILE,
    operatorTokenFile: env.OPERATOR_TOKEN_FILE,
    smtpUrl: env.SMTP_URL,
    mailboxFolder: env.MAILBOX_DIR,
    mailFrom: env.MAIL_FROM ?? `loomworks@${new URL(env.PUBLIC_ORIGIN).hostname}`,
    openSagasMax: env.SAGA_OPEN_MAX,
    signupMode: env.SETTING_SIGNUP_MODE,
    firstPersonIsAdmin: env.FIRST_PERSON_IS_ADMIN === 'on',
  }))

/** Settings of identity. The only reader of the environment in this service. */
export const IdentityConfig = z
  .record(z.string(), z.unknown())
  .transform((env): unknown => ({ ...env, SETTING_SIGNUP_MODE: settingIn(env, 'signup.mode') }))
  .pipe(Settings as z.ZodType<z.output<typeof Settings>>)
export type IdentityConfig = z.output<typeof IdentityConfig>
