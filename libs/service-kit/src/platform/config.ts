import { readFileSync } from 'node:fs'
import { ServiceName, Terminal } from '@loomworks/kernel'
import { z } from 'zod'
import type { Address } from '../pool.ts'
import type { Engines } from './adapters.ts'

/** One origin or several by comma, an instance each. */
const Origins = z
  .string()
  .transform((text) => text.split(',').map((url) => url.trim()))
  .pipe(z.array(z.url({ protocol: /^https?$/ }).transform((text) => new URL(text).origin)).min(1))
const urlName = (service: ServiceName) => `${service.toUpperCase()}_URL`

const Postgres = z.url({ protocol: /^postgres(?:ql)?$/ })
const listOf = (scheme: RegExp) => z.string().refine((text) => text.split(',').every((url) => scheme.test(url.trim())))

/** What a deployment stands on instead of the embedded Postgres; each overrides alone. */
const EngineConfig = z.looseObject({
  EVENTSTORE_URL: z
    .string()
    .regex(/^(?:esdb|kurrentdb)(?:\+discover)?:\/\/./)
    .optional(),
  NATS_URL: listOf(/^(?:nats|tls):\/\/./).optional(),
  /** Default: the name of the service; `migrate` where streams are made. */
  NATS_USER: z.string().min(1).optional(),
  NATS_PASSWORD_FILE: z.string().min(1).optional(),
})

/** Settings of a process that runs one service: where its stores and the other services are, and its own secret. */
export const ProcessConfig = EngineConfig.extend({
  /** Of the service's own role. */
  DATABASE_URL: Postgres.optional(),
  /** In place of a password in the URL. */
  DATABASE_PASSWORD_FILE: z.string().min(1).optional(),
  SERVICE_SECRET_FILE: z.string().min(1),
  /** Where this process listens, when that is not what the others call it. */
  LISTEN_HOST: z.string().min(1).optional(),
  LISTEN_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  ...Object.fromEntries(ServiceName.options.map((service) => [urlName(service), Origins])),
})
export type ProcessConfig = z.output<typeof ProcessConfig>

/** The settings of a process; Terminal `config.invalid` with the sentence to show. */
export function processConfigOf(name: string, environment: Environment): ProcessConfig {
  return settingsOf(name, ProcessConfig, environment)
}

/** The engines that the environment names, for one that speaks to them as `name`. */
export function enginesOf(name: string, environment: Environment, { mayCreate }: { readonly mayCreate: boolean }): Engines {
  const config = settingsOf(name, EngineConfig, environment)
  const { EVENTSTORE_URL, NATS_URL, NATS_USER = name, NATS_PASSWORD_FILE } = config
  const password = NATS_PASSWORD_FILE === undefined ? undefined : secretIn(name, 'NATS_PASSWORD_FILE', NATS_PASSWORD_FILE)
  return {
    ...(EVENTSTORE_URL !== undefined && { eventStoreUrl: EVENTSTORE_URL }),
    ...(NATS_URL !== undefined && { nats: { servers: NATS_URL, user: NATS_USER, mayCreate, ...(password !== undefined && { password }) } }),
  }
}

/** A Postgres URL with the password of a file, where one is named. */
export function databaseUrlIn(name: string, { DATABASE_URL, DATABASE_PASSWORD_FILE }: ProcessConfig): string {
  if (DATABASE_URL === undefined) return startRefused(`${name} cannot start: DATABASE_URL is missing.`)
  if (DATABASE_PASSWORD_FILE === undefined) return DATABASE_URL
  const url = new URL(DATABASE_URL)
  url.password = encodeURIComponent(secretIn(name, 'DATABASE_PASSWORD_FILE', DATABASE_PASSWORD_FILE))
  return url.toString()
}

type Environment = Readonly<Record<string, string | undefined>>

function settingsOf<S extends z.ZodType>(name: string, schema: S, environment: Environment): z.output<S> {
  // What is set to nothing is not set: a compose file can unset a variable in no other way.
  const result = schema.safeParse(Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== '')))
  const [issue] = result.error?.issues ?? []
  return result.data ?? startRefused(`${name} cannot start: ${String(issue?.path[0])} is missing or wrong.`)
}

/** What a file of a setting holds, without the line's end. */
export function secretIn(name: string, setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    return startRefused(`${name} cannot start: ${setting} names a file that cannot be read.`, cause)
  }
}

function startRefused(sentence: string, cause?: unknown): never {
  throw new Terminal('config.invalid', sentence, { cause })
}

/** Where `name` finds a service; its own address says where it listens as well. */
export function addressIn(config: ProcessConfig, service: ServiceName, name: string): Address {
  const [origin = '', ...others] = z.array(z.string()).parse(config[urlName(service)])
  const { LISTEN_HOST: host, LISTEN_PORT: port } = config
  return { origin, others, ...(service === name && { listen: { ...(host !== undefined && { host }), ...(port !== undefined && { port }) } }) }
}

/** The environment of this process. The only reader beside the services' own `config.ts`. */
export function processEnvironment(): Environment {
  return { ...process.env }
}
