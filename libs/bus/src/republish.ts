// After the bus has lost what it had acknowledged (a power cut with a lazy flush): facts are published again from the outbox, which keeps
// them for seven days. Handlers find out by the message id what they have heard already.
import { type Database, ident, many, sql } from '@loomworks/sql'
import type { Bus } from './port.ts'
import { OutgoingRow } from './relay.ts'

export interface RepublishOptions {
  readonly db: Database
  readonly bus: Bus
  readonly service: string
  /** RFC 3339: rows that were written from then on. */
  readonly from: string
  /** Counts, and publishes nothing. */
  readonly dryRun?: boolean
}

const PAGE = 256

/** Publishes again what a service has published since a moment; gives how many facts it was. Each goes under a message id of its own,
 *  `<id>/r<n>`, or the duplicate window would swallow it; the header `message-id` says which fact it is. */
export async function republish({ db, bus, service, from, dryRun = false }: RepublishOptions): Promise<number> {
  const again = Date.now()
  let count = 0
  for (let after = -1n; ; ) {
    const rows = await many(
      db,
      OutgoingRow,
      sql`select seq, id, entity_id, revision, stream, subject, headers, data
            from ${ident(`${service}.outbox`)}
           where published_at is not null and created_at >= ${from} and seq > ${after}
           order by seq
           limit ${PAGE}`,
    )
    if (!dryRun)
      await Promise.all(
        rows.map(({ id, seq, subject, headers, data }) =>
          bus.publish({ subject, id: `${id}/r${again}`, headers: { ...headers, 'outbox-seq': String(seq), 'message-id': id }, data }),
        ),
      )
    count += rows.length
    after = rows.at(-1)?.seq ?? after
    if (rows.length < PAGE) return count
  }
}
