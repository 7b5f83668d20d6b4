import { SETTINGS, SettingValue, settingSpec } from '@loomworks/contracts'
import { z } from 'zod'

const origin = z
  .url({ protocol: /^https?$/ })
  .transform((text) => new URL(text))
  .refine((url) => url.protocol === 'https:' || url.hostname === 'localhost', { message: 'must be https, or http://localhost: passkeys and cookies need it' })
  .transform((url) => url.origin)

/** `SETTING_<KEY>` of the environment, whether the key's dots were kept or, as shells ask for, written as `_`. */
function settingsIn(env: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const given = new Map(Object.entries(env).map(([name, value]) => [name.toUpperCase().replaceAll('.', '_'), value]))
  return Object.fromEntries(
    Object.keys(SETTINGS).flatMap((key) => {
      const value = given.get(`SETTING_${key}`.toUpperCase().replaceAll('.', '_'))
      return value === undefined ? [] : [[key, value]]
    }),
  )
}

/** What settings are without being set: the deployment's environment goes before the catalogue. Text, or JSON for what is not text. */
const Standards = z.record(z.string(), z.unknown()).transform((given, context) => {
  const standards: Record<string, SettingValue> = {}
  for (const [key, text] of Object.entries(given)) {
    const value = [text, jsonIn(text)].map((each) => settingSpec(key)?.value.safeParse(each)).find((each) => each?.success)
    if (value?.success) standards[key] = SettingValue.parse(value.data)
    else context.addIssue({ code: 'custom', path: [key], message: 'is none of the values this setting takes' })
  }
  return standards
})

function jsonIn(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return undefined
  }
}

const Settings = z
  .object({
    PUBLIC_ORIGIN: origin,
    RP_ID: z.string().min(1).optional(),
    VAULT_KEK_FILE: z.string().min(1),
    /** The key before it, until `loom vault rewrap` has put everything under the new one. */
    VAULT_KEK_FORMER_FILE: z.string().min(1).optional(),
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
    SETTINGS: Standards,
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
    formerVaultKeyFile: env.VAULT_KEK_FORMER_FILE,
    emailPepperFile: env.EMAIL_PEPPER_FILE,
    serviceSecrets: env.SERVICE_SECRETS,
    serviceSecretsFile: env.SERVICE_SECRETS_FILE,
    operatorTokenFile: env.OPERATOR_TOKEN_FILE,
    smtpUrl: env.SMTP_URL,
    mailboxFolder: env.MAILBOX_DIR,
    mailFrom: env.MAIL_FROM ?? `loomworks@${new URL(env.PUBLIC_ORIGIN).hostname}`,
    openSagasMax: env.SAGA_OPEN_MAX,
    settingStandards: env.SETTINGS,
    firstPersonIsAdmin: env.FIRST_PERSON_IS_ADMIN === 'on',
  }))

/** Settings of identity. The only reader of the environment in this service. */
export const IdentityConfig = z
  .record(z.string(), z.unknown())
  .transform((env): unknown => ({ ...env, SETTINGS: settingsIn(env) }))
  .pipe(Settings as z.ZodType<z.output<typeof Settings>>)
export type IdentityConfig = z.output<typeof IdentityConfig>
