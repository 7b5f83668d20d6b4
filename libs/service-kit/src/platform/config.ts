import { ServiceName } from '@loomworks/kernel'
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

export function originOf(config: ProcessConfig, service: ServiceName): string {
  return String(config[urlName(service)])
}

/** The environment of this process. The only reader beside the services' own `config.ts`. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env
}
