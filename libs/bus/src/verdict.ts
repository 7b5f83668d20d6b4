// What becomes of a message whose handler threw (saga page §6). Trouble that passes is retried for ever: an outage must not lose
// a fact. What cannot be mended goes to the dead letters, with its payload and where it came from.
import { Terminal, Transient } from '@loomworks/kernel'
import type { DeadReason, Delivery, Outgoing, StreamName, Verdict } from './port.ts'

const REASONS: ReadonlySet<string> = new Set<DeadReason>(['exhausted', 'schema', 'unknown_version', 'input_mismatch', 'stale', 'unroutable'])
const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 30_000
const MOST_THROWS = 5
const MOST_THROWS_SAGA = 20
const MOST_UNANSWERED = 100
const MOST_ERROR_CHARACTERS = 500

export function verdictOf(error: unknown, delivery: Pick<Delivery, 'deliveries' | 'subject'>, random: () => number = Math.random): Verdict {
  if (error instanceof Transient) return { retryMs: retryDelayMs(delivery.deliveries, random) }
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof Terminal && isReason(error.code)) return { dead: error.code, error: message }
  const most = delivery.subject.startsWith('saga.') ? MOST_THROWS_SAGA : MOST_THROWS
  return delivery.deliveries > most ? { dead: 'exhausted', error: message } : { retryMs: retryDelayMs(delivery.deliveries, random) }
}

/** After more than 100 deliveries in a row of which nobody said anything, a message is dead before its handler runs: it may be what
 *  kills the process. A handler that asks to be called again has said something, so an outage, however long, never comes here. */
export function isCrashLoop(unanswered: number): boolean {
  return unanswered > MOST_UNANSWERED
}

/** 0.2 s doubling to 30 s, jittered by half. Never at once: a plain refusal burns deliveries in milliseconds. */
export function retryDelayMs(deliveries: number, random: () => number): number {
  const full = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(deliveries - 1, 20))
  return Math.round(full * (0.5 + random() / 2))
}

function isReason(code: string): code is DeadReason {
  return REASONS.has(code)
}

export interface Death {
  readonly stream: StreamName
  readonly service: string
  readonly reason: DeadReason
  readonly error: string
}

/** The dead letter of a delivery: the original payload as it was, and in the headers what went wrong and where it stood. Its id
 *  makes a repeat one letter. */
export function deadLetter(delivery: Pick<Delivery, 'subject' | 'id' | 'seq' | 'headers' | 'data' | 'deliveries'>, death: Death): Outgoing {
  const { subject, id, seq, headers, data, deliveries } = delivery
  const { stream, service, reason, error } = death
  return {
    subject: `dlq.${service}.${reason}`,
    id: `${stream}/${seq}/${service}`,
    headers: {
      origin: stream,
      'origin-seq': String(seq),
      'origin-subject': subject,
      'origin-id': id,
      'origin-headers': JSON.stringify(headers),
      reason,
      error: storable(error),
      deliveries: String(deliveries),
    },
    data,
  }
}

/** An error's text comes from anywhere. No adapter stores line breaks, NUL or half a character in a header, and a letter that cannot
 *  be stored would keep its message for ever. */
function storable(text: string): string {
  return text
    .slice(0, MOST_ERROR_CHARACTERS)
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
}
