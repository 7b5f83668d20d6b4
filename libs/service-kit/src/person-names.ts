// Names are joined when somebody reads and never kept: a copy in history could not be forgotten. This cache forgets after a minute.
import type { Clock } from '@loomworks/kernel'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { ServiceClient } from './client.ts'

const Names = z.object({ displayName: z.string(), signupDisplayName: z.string(), companionName: z.string() })
export type PersonNames = z.output<typeof Names>
const Answer = z.array(Names.nullable())

export interface NamesOfPersons {
  /** The names by person; who is pending, erased or unknown is not in it. Transient where identity does not answer. */
  of(ids: readonly string[]): Promise<ReadonlyMap<string, PersonNames>>
  /** Somebody has another name now. */
  forget(id: string): void
}

const KEPT = 10_000
const KEPT_MS = 60_000
const MOST_AT_ONCE = 500

export function namesOfPersons(client: ServiceClient, clock: Clock): NamesOfPersons {
  const kept = new LRUCache<string, { readonly names: PersonNames | null; readonly until: number }>({ max: KEPT })
  const fresh = (id: string) => (kept.get(id)?.until ?? 0) > clock.now()

  async function fetch(ids: readonly string[]): Promise<void> {
    const answer = await client.call('identity', Answer, { method: 'POST', path: '/internal/persons:names', body: { ids } })
    for (const [n, id] of ids.entries()) kept.set(id, { names: answer[n] ?? null, until: clock.now() + KEPT_MS })
  }
  return {
    async of(ids) {
      const wanted = [...new Set(ids)]
      const missing = wanted.filter((id) => !fresh(id))
      for (let from = 0; from < missing.length; from += MOST_AT_ONCE) await fetch(missing.slice(from, from + MOST_AT_ONCE))
      return new Map(
        wanted.flatMap((id) => {
          const names = kept.get(id)?.names
          return names == null ? [] : [[id, names] as const]
        }),
      )
    },
    forget: (id) => void kept.delete(id),
  }
}
