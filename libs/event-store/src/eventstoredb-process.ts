// What all stores of a process share: one client, one queue of appends, one feed for each set of filters. The driver keeps its
// pending appends in a variable of its module, so this is a matter of the process and not of an object.
import { Terminal } from '@loomworks/kernel'
import { Connection, type OpenDriver, type Timing } from './eventstoredb-connection.ts'
import { Feed } from './eventstoredb-feed.ts'
import { Slots } from './eventstoredb-slots.ts'
import type { Filter } from './port.ts'

const MOST_APPENDS = 128
/** A connection carries 100 streams: one for all appends, one for questions, and these. More would wait without a word. */
const MOST_READS = 64
const MOST_FEEDS = 32

export interface Member {
  readonly onTrouble: (error: unknown) => void
}

export class Shared {
  readonly connection: Connection
  readonly appends = new Slots(MOST_APPENDS)
  readonly reads = new Slots(MOST_READS)
  readonly members = new Set<Member>()
  readonly #feeds = new Map<string, { readonly feed: Feed; users: number }>()

  constructor(open: OpenDriver, { timing, previous }: { readonly timing: Timing; readonly previous: Promise<unknown> }) {
    this.connection = new Connection({ open, timing, previous, onTrouble: (error) => this.#trouble(error) })
  }

  /** The feed of a filter, which lives while somebody follows it. */
  follow({ prefixes }: Filter): { readonly feed: Feed; leave(): void } {
    const sorted = [...new Set(prefixes)].sort()
    const key = JSON.stringify(sorted)
    const entry = this.#feeds.get(key) ?? this.#made(sorted)
    this.#feeds.set(key, entry)
    entry.users++
    const leave = () => {
      if (--entry.users > 0) return
      entry.feed.stop()
      this.#feeds.delete(key)
    }
    return { feed: entry.feed, leave }
  }

  #made(prefixes: readonly string[]): { readonly feed: Feed; users: number } {
    if (this.#feeds.size >= MOST_FEEDS)
      throw new Terminal('event_store.too_many_subscriptions', `one connection to EventStoreDB carries subscriptions to ${MOST_FEEDS} sets of streams at most`)
    return { feed: new Feed(this.connection, { prefixes }, (error) => this.#trouble(error)), users: 0 }
  }

  #trouble(error: unknown): void {
    for (const { onTrouble } of this.members) onTrouble(error)
  }
}

let current: { readonly url: string; readonly shared: Shared } | undefined
let previous: Promise<unknown> = Promise.resolve()

/** Makes a store a member of what the process shares; the last one to leave closes it. */
export function join(member: Member, { url, open, timing }: { readonly url: string; readonly open: OpenDriver; readonly timing: Timing }): Membership {
  current ??= { url, shared: new Shared(open, { timing, previous }) }
  const { shared } = current
  if (current.url !== url) throw new Terminal('event_store.one_server', 'a process speaks to one EventStoreDB alone: close the other store first')
  shared.members.add(member)
  const leave = async () => {
    if (!shared.members.delete(member) || shared.members.size > 0) return
    current = undefined
    previous = shared.connection.close()
    await previous
  }
  return { shared, leave }
}

export interface Membership {
  readonly shared: Shared
  leave(): Promise<void>
}
