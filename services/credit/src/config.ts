import { z } from 'zod'

const days = (standard: number, least: number, most: number) => z.coerce.number().int().min(least).max(most).default(standard)

/** Settings of credit. The only reader of the environment in this service. */
export const CreditConfig = z
  .object({
    PUBLIC_ORIGIN: z.url({ protocol: /^https?$/ }).transform((text) => new URL(text).origin),
    EMAIL_PEPPER_FILE: z.string().min(1),
    'SETTING_CREDIT.EMAIL_COOLING_DAYS': days(30, 0, 365),
    'SETTING_CREDIT.GRANT_EXPIRY_DAYS': days(30, 1, 365),
    'SETTING_CREDIT.LICENSE_DAYS': days(365, 1, 3650),
  })
  .transform((env) => ({
    publicOrigin: env.PUBLIC_ORIGIN,
    emailPepperFile: env.EMAIL_PEPPER_FILE,
    coolingDays: env['SETTING_CREDIT.EMAIL_COOLING_DAYS'],
    grantExpiryDays: env['SETTING_CREDIT.GRANT_EXPIRY_DAYS'],
    licenseDays: env['SETTING_CREDIT.LICENSE_DAYS'],
  }))
export type CreditConfig = z.output<typeof CreditConfig>
