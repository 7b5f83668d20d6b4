// Where the commands that ask a running deployment find it: an embedded one announces itself in its home.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { request } from 'undici'
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

/** The parsed answer of the admin API. Failed 3 where nobody answers, 1 with the problem's sentence where it refuses. */
export async function ask<S extends z.ZodType>({ url, token }: GatewayOptions, path: string, reply: S): Promise<z.output<S>> {
  const base = url ?? announcedUrl(home())
  if (base === undefined) throw new Failed(3, 'No Loomworks runs in LOOMWORKS_HOME: start one, or name it with --url.')
  const { statusCode, body } = await request(new URL(path, base), {
    headers: { authorization: `Bearer ${token ?? operatorToken()}` },
    headersTimeout: TIMEOUT_MS,
  }).catch((cause: unknown) => {
    throw new Failed(3, `${base} does not answer.`, { cause })
  })
  const answer: unknown = await body.json()
  if (statusCode === 200) return reply.parse(answer)
  const { title, detail, code } = answer as { title?: string; detail?: string; code?: string }
  throw new Failed(1, `${title ?? 'Refused.'} ${detail ?? ''} (${code ?? statusCode})`)
}

function operatorToken(): string {
  try {
    return readFileSync(join(home(), 'operator-token'), 'utf8').trim()
  } catch (cause) {
    throw new Failed(2, 'There is no operator token in LOOMWORKS_HOME: name one with --token.', { cause })
  }
}
