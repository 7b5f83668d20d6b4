// What becomes of a message whose handler threw (saga page §6). Trouble that passes is retried for ever: an outage must not lose
// a fact. What cannot be mended goes to the dead letters, with its payload and where it came from.
import { Terminal, Transient } from '@loomworks/kernel'
import type { DeadReason, Delivery, Verdict } from './port.ts'

const REASONS: ReadonlySet<string> = new Set<DeadReason>(['exhausted', 'schema', 'unknown_version', 'input_mismatch', 'stale', 'unroutable'])
const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 30_000
const MOST_THROWS = 5
const MOST_THROWS_SAGA = 20
/** Beyond this a message is dead before its handler runs: it may be what kills the process. */
export const MOST_DELIVERIES = 100

export function verdictOf(error: unknown, delivery: Pick<Delivery, 'deliveries' | 'subject'>, random: () => number = Math.random): Verdict {
  if (error instanceof Transient) return { retryMs: retryDelayMs(delivery.deliveries, random) }
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof Terminal && isReason(error.code)) return { dead: error.code, error: message }
  const most = delivery.subject.startsWith('saga.') ? MOST_THROWS_SAGA : MOST_THROWS
  return delivery.deliveries > most ? { dead: 'exhausted', error: message } : { retryMs: retryDelayMs(delivery.deliveries, random) }
}

/** 0.2 s doubling to 30 s, jittered by half. Never at once: a plain refusal burns deliveries in milliseconds. */
export function retryDelayMs(deliveries: number, random: () => number): number {
  const full = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(deliveries - 1, 20))
  return Math.round(full * (0.5 + random() / 2))
}

function isReason(code: string): code is DeadReason {
  return REASONS.has(code)
}

/** The dead letter of a delivery: the original, what went wrong, and where it stood. Its id makes a repeat one letter. */
export function deadLetter(delivery: Delivery, stream: string, service: string, reason: DeadReason, error: string) {
  const { subject, id, seq, headers, data, deliveries } = delivery
  return {
    subject: `dlq.${service}.${reason}`,
    id: `${stream}/${seq}/${service}`,
    headers: {
      origin: stream,
      'origin-seq': String(seq),
      'origin-subject': subject,
      'origin-id': id,
      reason,
      error: error.slice(0, 500),
      deliveries: String(deliveries),
    },
    data: JSON.stringify({ headers, data }).length <= DLQ_ROOM ? JSON.stringify({ headers, data }) : data,
  }
}

const DLQ_ROOM = 65_536
