// S-INV-11: no address, name, secret or token in any stream, message, fence, outbox row, log or metric. What must not be there is looked for
// byte by byte.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { STREAM_PREFIXES } from '@loomworks/contracts'
import { many, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { World } from './world.ts'

/** Places that may hold ids, hashes, closed words and ciphertext alone. */
const PLACES = [
  sql`select 'bus.message' as place, m::text from bus.message m`,
  ...['identity', 'memory', 'companion', 'credit', 'audit'].map((schema) => ({
    text: `select '${schema}.outbox' as place, o::text as content from ${schema}.outbox o`,
    values: [],
  })),
  ...['identity', 'memory', 'credit'].map((schema) => ({
    text: `select '${schema}.saga_fence' as place, f::text as content from ${schema}.saga_fence f`,
    values: [],
  })),
  sql`select 'identity.saga_open', s::text from identity.saga_open s`,
  sql`select 'audit.record', r::text from audit.record r`,
  sql`select 'audit.part', p::text from audit.part p`,
] as const

const STREAMS = Object.values(STREAM_PREFIXES).flat()

interface Told {
  readonly canaries: readonly string[]
  readonly logs: string
  readonly metrics: readonly string[]
}

export async function noSecrets({ db, eventStore }: World, { canaries, logs, metrics }: Told): Promise<string[]> {
  const found: string[] = []
  for (const place of PLACES) {
    for (const { place: name, content } of await many(db, z.object({ place: z.string(), content: z.string() }), named(place))) {
      for (const canary of canaries) if (holds(content, canary)) found.push(`S-INV-11 ${name} holds ${canary}`)
    }
  }
  for await (const event of eventStore.readAll({ prefixes: STREAMS })) {
    for (const canary of canaries) if (holds(JSON.stringify(event.body), canary)) found.push(`S-INV-11 an event of ${event.stream} holds ${canary}`)
  }
  for (const file of readdirSync(logs)) {
    const text = readFileSync(join(logs, file), 'utf8')
    for (const canary of canaries) if (holds(text, canary)) found.push(`S-INV-11 the log ${file} holds ${canary}`)
  }
  for (const text of metrics) for (const canary of canaries) if (holds(text, canary)) found.push(`S-INV-11 /metrics tells ${canary}`)
  return [...new Set(found)]
}

function named(place: { readonly text: string; readonly values: readonly unknown[] }) {
  return { ...place, text: `select * from (${place.text}) as p(place, content)` }
}

/** Also as hex, the way a bytea is shown, and as base64. */
function holds(text: string, canary: string): boolean {
  const bytes = Buffer.from(canary)
  return [canary, bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')].some((form) => text.includes(form))
}
