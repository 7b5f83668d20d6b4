import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { type Rate, rateOf } from './limit/gcra.ts'

const origin = z.url({ protocol: /^https?$/ }).transform((text) => new URL(text).origin)

const rate = (standard: string) =>
  z
    .string()
    .default(standard)
    .transform((text, context): Rate => {
      const parsed = rateOf(text)
      if (parsed === undefined) context.addIssue({ code: 'custom', message: `${text} is no rate: write it like 10/min or 20/s:40` })
      return parsed ?? z.NEVER
    })

const listed = (text: string) => text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))

const origins = z
  .string()
  .default('')
  .transform((text, context) => {
    const parts = listed(text)
    for (const part of parts)
      if (!origin.safeParse(part).success || new URL(part).origin !== part)
        context.addIssue({ code: 'custom', message: `${part} is no origin: write it like https://app.example.org` })
    return parts
  })

const networks = z
  .string()
  .default('')
  .transform((text, context) =>
    listed(text).map((part) => {
      if (!ipaddr.isValidCIDR(part)) context.addIssue({ code: 'custom', message: `${part} is no network: list the proxies as CIDR, such as 10.0.0.0/8` })
      return ipaddr.isValidCIDR(part) ? ipaddr.parseCIDR(part) : z.NEVER
    }),
  )

const file = z.string().transform((path, context) => {
  try {
    return readFileSync(path)
  } catch {
    context.addIssue({ code: 'custom', message: `${path} cannot be read` })
    return z.NEVER
  }
})

/** Certificate and key that fit, or a sentence that says why they are none. */
function tlsOf(cert: Buffer | undefined, key: Buffer | undefined, context: z.RefinementCtx): { cert: Buffer; key: Buffer } | undefined {
  if (cert === undefined && key === undefined) return undefined
  const fails = (message: string) => {
    context.addIssue({ code: 'custom', path: ['TLS_CERT_FILE'], message })
    return z.NEVER
  }
  if (cert === undefined || key === undefined) return fails('needs TLS_KEY_FILE, and that needs this: set both, or none')
  try {
    createSecureContext({ cert, key })
  } catch {
    return fails('and TLS_KEY_FILE are not a certificate and its key in PEM')
  }
  return { cert, key }
}

/** Settings of the gateway. The only reader of the environment in this service. */
export const GatewayConfig = z
  .object({
    PUBLIC_ORIGIN: origin,
    /** More origins whose pages may call with a cookie. */
    ALLOWED_ORIGINS: origins,
    TRUST_PROXY: networks,
    /** Embedded only: no rate limits here. Those that guard secrets are identity's and stay. */
    LIMITS: z.enum(['on', 'off']).default('on'),
    RATE_IP: rate('20/s:40'),
    RATE_AUTH: rate('10/min'),
    RATE_SIGNUP_BEGIN: rate('10/h'),
    RATE_CLAIM: rate('10/min'),
    RATE_PERSON: rate('50/s:100'),
    RATE_AGENT: rate('100/s:200'),
    RATE_OPERATOR: rate('100/s:200'),
    /** Port of the loopback for /metrics and the details of /readyz; absent: none. */
    OPS_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
    /** Files in PEM: with both, the port speaks TLS, with HTTP/2 and HTTP/1.1. */
    TLS_CERT_FILE: file.optional(),
    TLS_KEY_FILE: file.optional(),
    /** Folder with the files of the console; without one there is none. */
    CONSOLE_DIR: z.string().min(1).optional(),
    SECURITY_CONTACT: z.string().default('mailto:security@localhost'),
  })
  .transform((env, context) => ({
    publicOrigin: env.PUBLIC_ORIGIN,
    allowedOrigins: [env.PUBLIC_ORIGIN, ...env.ALLOWED_ORIGINS],
    trustedProxies: env.TRUST_PROXY,
    limitsOn: env.LIMITS === 'on',
    rates: {
      ip: env.RATE_IP,
      auth: env.RATE_AUTH,
      signup_begin: env.RATE_SIGNUP_BEGIN,
      claim: env.RATE_CLAIM,
      person: env.RATE_PERSON,
      agent: env.RATE_AGENT,
      operator: env.RATE_OPERATOR,
    },
    opsPort: env.OPS_PORT,
    tls: tlsOf(env.TLS_CERT_FILE, env.TLS_KEY_FILE, context),
    consoleFolder: env.CONSOLE_DIR,
    securityContact: env.SECURITY_CONTACT,
  }))
export type GatewayConfig = z.output<typeof GatewayConfig>
