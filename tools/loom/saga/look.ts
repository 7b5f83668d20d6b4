// How a verb looks: at a deployment that runs, through its admin API; or, with --direct, at the stores themselves.
import type { Sight } from '@loomworks/identity/saga-tool'
import { Refusal, Terminal, Transient } from '@loomworks/kernel'
import type { Command } from 'commander'
import { z } from 'zod'
import { Failed } from '../failed.ts'
import { ask, type GatewayOptions, gatewayCommand, type Question } from '../gateway.ts'
import { withSight } from './sight.ts'

export interface LookOptions extends GatewayOptions {
  readonly direct?: boolean
}

/** A verb that only reads. */
export function lookCommand(parent: Command, name: string, about: { readonly says: string; readonly example: string }): Command {
  return gatewayCommand(parent, name, about.says, about.example).option(
    '--direct',
    'read the stores; no service need run (DATABASE_ADMIN_URL, EVENTSTORE_URL, NATS_URL)',
  )
}

export interface Look<S extends z.ZodType> extends Question {
  readonly reply: S
  readonly direct: (sight: Sight) => Promise<z.input<S>>
}

export async function look<S extends z.ZodType>(options: LookOptions, { reply, direct, ...question }: Look<S>): Promise<z.output<S>> {
  if (!options.direct) return ask(options, question, reply)
  return withSight(async (sight) => reply.parse(JSON.parse(JSON.stringify(await direct(sight).catch(failed)))))
}

function failed(error: unknown): never {
  if (error instanceof Refusal) throw new Failed(1, `${error.message} ${error.remedy} (${error.code})`, { cause: error })
  if (error instanceof z.ZodError) throw new Failed(2, error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '), { cause: error })
  if (error instanceof Transient || error instanceof Terminal) throw new Failed(3, error.message, { cause: error })
  throw error
}

/** Prints an answer as JSON where that is asked for; else as the verb shows it. */
export function print({ json }: GatewayOptions, answer: unknown, text: () => string): void {
  console.log(json ? JSON.stringify(answer, null, 2) : text())
}
