import { readFileSync } from 'node:fs'
import { ServiceName, Terminal } from '@loomworks/kernel'
import { z } from 'zod'

const Origin = z.url({ protocol: /^https?$/ }).transform((text) => new URL(text).origin)
const urlName = (service: ServiceName) => `${service.toUpperCase()}_URL`

/** Settings of a process that runs one service: where its stores and the other services are, and its own secret. */
export const ProcessConfig = z.looseObject({
  /** Of the service's own role. */
  DATABASE_URL: z.url({ protocol: /^postgres(?:ql)?$/ }).optional(),
  SERVICE_SECRET_FILE: z.string().min(1),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  ...Object.fromEntries(ServiceName.options.map((service) => [urlName(service), Origin])),
})
export type ProcessConfig = z.output<typeof ProcessConfig>

/** The settings of a process; Terminal `config.invalid` with the sentence to show. */
export function processConfigOf(name: string, environment: Readonly<Record<string, string | undefined>>): ProcessConfig {
  const result = ProcessConfig.safeParse(environment)
  const [issue] = result.error?.issues ?? []
  return result.data ?? startRefused(`${name} cannot start: ${String(issue?.path[0])} is missing or wrong.`)
}

/** The secret by which a service proves itself to identity. */
export function secretIn(name: string, { SERVICE_SECRET_FILE }: ProcessConfig): string {
  try {
    return readFileSync(SERVICE_SECRET_FILE, 'utf8').trim()
  } catch (cause) {
    return startRefused(`${name} cannot start: SERVICE_SECRET_FILE names a file that cannot be read.`, cause)
  }
}

export function startRefused(sentence: string, cause?: unknown): never {
  throw new Terminal('config.invalid', sentence, { cause })
}

export function originOf(config: ProcessConfig, service: ServiceName): string {
  return String(config[urlName(service)])
}

/** The environment of this process. The only reader beside the services' own `config.ts`. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return { ...process.env }
}
