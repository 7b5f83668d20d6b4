// Where the commands that ask a running deployment find it: an embedded one announces itself in its home.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type Dispatcher, request } from 'undici'
import type { z } from 'zod'
import { announcedUrl } from '../../dev/home.ts'
import { Failed } from './failed.ts'

export interface GatewayOptions {
  readonly url?: string
  readonly token?: string
  readonly json?: boolean
}

export function gatewayCommand(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--url <url>', 'the gateway; default: the instance that runs in LOOMWORKS_HOME')
    .option('--token <token>', 'the operator token; default: the file operator-token in LOOMWORKS_HOME')
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  npx loom ${example}`)
}

const home = () => process.env.LOOMWORKS_HOME ?? '.loomworks'
const TIMEOUT_MS = 10_000

export interface Question {
  readonly path: string
  /** Posted where it is there. */
  readonly body?: unknown
  /** Posts without a body. */
  readonly post?: boolean
}

/** A query of what is there. */
export function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): URLSearchParams {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== undefined) query.set(key, String(value))
  return query
}

/** The parsed answer of the admin API. Failed 3 where nobody answers, 1 with the problem's sentence where it refuses. */
export async function ask<S extends z.ZodType>(options: GatewayOptions, question: Question, reply: S): Promise<z.output<S>> {
  const { statusCode, body } = await sent(options, question)
  const answer: unknown = await body.json()
  if (statusCode === 200) return reply.parse(answer)
  const { title, detail, code } = answer as { title?: string; detail?: string; code?: string }
  // What the API cannot read was written wrong here.
  throw new Failed(code === 'invalid_body' ? 2 : 1, `${title ?? 'Refused.'} ${detail ?? ''} (${code ?? statusCode})`)
}

/** The data of server-sent events as they come, until the stream ends. */
export async function* followed<S extends z.ZodType>(options: GatewayOptions, path: string, event: S): AsyncGenerator<z.output<S>> {
  const { statusCode, body } = await sent(options, { path })
  if (statusCode !== 200) throw new Failed(1, `It cannot be followed (${statusCode}).`)
  let text = ''
  for await (const chunk of body.setEncoding('utf8')) {
    text += String(chunk)
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const each of events) {
      const data = /^data: (.*)$/m.exec(each)?.[1]
      if (data !== undefined) yield event.parse(JSON.parse(data))
    }
  }
}

async function sent({ url, token }: GatewayOptions, { path, body, post = body !== undefined }: Question): Promise<Dispatcher.ResponseData> {
  const base = url ?? announcedUrl(home())
  if (base === undefined) throw new Failed(3, 'No Loomworks runs in LOOMWORKS_HOME: start one, or name it with --url.')
  return request(new URL(path, base), {
    method: post ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token ?? operatorToken()}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    headersTimeout: TIMEOUT_MS,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw new Failed(3, `${base} does not answer.`, { cause })
  })
}

function operatorToken(): string {
  try {
    return readFileSync(join(home(), 'operator-token'), 'utf8').trim()
  } catch (cause) {
    throw new Failed(2, 'There is no operator token in LOOMWORKS_HOME: name one with --token.', { cause })
  }
}
