// Every setting there is: its key, what it may be, what it is where nobody set it, and who may set it (identity page §8). All tunables of all
// services stand here; a key that does not is unknown. No value is a float, and strings have a closed set or a pattern.
import { z } from 'zod'
import { ZoneName } from './fields.ts'
import { CreditAsset, type SettingScope } from './sets.ts'

export interface SettingSpec<S extends z.ZodType = z.ZodType> {
  readonly value: S
  readonly standard: z.output<S>
  /** Where it may be set. It is read from the narrowest: person or engagement, then system, then the standard. */
  readonly scopes: readonly SettingScope[]
  readonly label: string
  /** Its value is in no event and no list of others. */
  readonly sensitive?: true
  /** Setting it lets something act more freely, so it needs a fresh passkey. */
  readonly raisesAuthority?: true
  /** Whether a change does so, where not each does. */
  widens?(from: z.output<S>, to: z.output<S>): boolean
}

function setting<S extends z.ZodType>(spec: SettingSpec<S>): SettingSpec<S> {
  return spec
}

const SYSTEM = ['system'] as const
const PERSONAL = ['person', 'system'] as const

const whole = (label: string, standard: number, least: number, most: number) =>
  setting({ value: z.int().min(least).max(most), standard, scopes: SYSTEM, label: `${label} (${least} to ${most})` })
const yes = (label: string, standard: boolean) => setting({ value: z.boolean(), standard, scopes: SYSTEM, label })
const model = (label: string, standard: string) =>
  setting({ value: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,99}$/), standard, scopes: ['system', 'engagement', 'person'], label })

/** Days before a deletion on which its person is warned, the farthest first. */
const falling = (most: number) =>
  z
    .array(z.int().min(1).max(most))
    .min(1)
    .max(10)
    .refine((list) => list.every((each, n) => n === 0 || each < (list[n - 1] ?? 0)), { message: 'falls from one to the next' })

const HOURS = z.strictObject({
  zone: ZoneName,
  days: z
    .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
    .min(1)
    .max(7)
    .refine((days) => new Set(days).size === days.length, { message: 'names a day once' }),
  from: z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/),
  to: z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/),
})

export const SETTINGS = {
  'signup.mode': setting({
    value: z.enum(['open', 'claim_only', 'closed']),
    standard: 'open',
    scopes: SYSTEM,
    label: 'Who may sign up: anybody, who has a claim token, nobody',
    raisesAuthority: true,
  }),
  'signup.email_proof': setting({
    value: z.enum(['none', 'code']),
    standard: 'none',
    scopes: SYSTEM,
    label: 'Whether a signup proves its address by a mailed code',
    raisesAuthority: true,
  }),
  'converse.classifier_model': model('The model that reads what is said', 'claude-haiku-4-5-20251001'),
  'converse.responder_model': model('The model that answers', 'claude-sonnet-4-6'),
  'credit.email_cooling_days': whole('Days before an address may be given credit again', 30, 0, 365),
  'credit.grant_expiry_days': whole('Days a grant can be claimed', 30, 1, 365),
  'credit.license_days': whole('Days a licence lasts', 365, 1, 3650),
  'credit.suspension_days': whole('Days from exhausted to suspended', 30, 7, 365),
  'credit.deletion_days': whole('Days from suspended to deleted', 60, 30, 730),
  'credit.warning_days': setting({ value: falling(365), standard: [14, 7, 1], scopes: SYSTEM, label: 'Days before a deletion on which its person is warned' }),
  'credit.near_exhaustion_pct': setting({
    value: falling(99),
    standard: [20, 10, 5],
    scopes: SYSTEM,
    label: 'Shares of the credit, in percent, at which little is left',
  }),
  'credit.hold_ttl_s': whole('Seconds a hold lasts', 900, 30, 3600),
  'credit.min_turn': whole('Units a turn needs at least', 1, 1, 1_000_000),
  'credit.cache_read_pct': whole('Price of a cached token read, in percent', 10, 0, 1000),
  'credit.cache_creation_pct': whole('Price of a token that is cached, in percent', 125, 0, 1000),
  'credit.lifecycle': setting({
    value: z.enum(['off', 'suspend', 'delete']),
    standard: 'suspend',
    scopes: SYSTEM,
    label: 'How far an account without credit goes',
  }),
  'credit.referral.enabled': yes('Whether members may give credit to others', false),
  'credit.referral.asset': setting({ value: CreditAsset, standard: 'loomworks_credit_sonnet', scopes: SYSTEM, label: 'What a referral pays in' }),
  'credit.referral.amount': whole('Units a referral pays', 50_000, 0, 1_000_000_000),
  'credit.referral.grant_amount': whole('Units a referred person gets', 100_000, 0, 1_000_000_000),
  'credit.proposal_approvals': whole('Administrators who must approve a correction', 1, 1, 5),
  'audit.tiles': setting({ value: z.enum(['public', 'member']), standard: 'public', scopes: SYSTEM, label: 'Who may fetch the tiles of the log' }),
  'companion.proactive': setting({
    value: z.boolean(),
    standard: true,
    scopes: PERSONAL,
    label: 'Whether the Companion speaks first',
    raisesAuthority: true,
    widens: (from, to) => to && !from,
  }),
  'companion.active_hours': setting({
    value: HOURS,
    standard: { zone: 'Etc/UTC', days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '08:00', to: '22:00' },
    scopes: PERSONAL,
    label: 'When the Companion may act by itself',
    raisesAuthority: true,
  }),
  'companion.suggest_after': setting({
    value: z.int().min(5).max(50),
    standard: 12,
    scopes: PERSONAL,
    label: 'Repetitions before a contract is suggested (5 to 50)',
  }),
  'companion.asks_per_day': setting({ value: z.int().min(1).max(50), standard: 12, scopes: PERSONAL, label: 'Questions a day at most (1 to 50)' }),
  'voice.listening.blur_intensity': setting({
    value: z.int().min(0).max(40),
    standard: 8,
    scopes: PERSONAL,
    label: 'How much the page blurs while it listens (0 to 40)',
  }),
} as const

export type KnownSetting = keyof typeof SETTINGS
export type SettingOf<K extends KnownSetting> = z.output<(typeof SETTINGS)[K]['value']>

/** What is known of a key; undefined for one that is not in the catalogue. */
export function settingSpec(key: string): SettingSpec | undefined {
  return Object.hasOwn(SETTINGS, key) ? SETTINGS[key as KnownSetting] : undefined
}
