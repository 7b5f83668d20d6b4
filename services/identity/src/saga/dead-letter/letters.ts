// Dead letters as they lie on the bus: what could not be handled, why, and where it stood.
import type { Bus, Stored } from '@loomworks/bus'
import { idOf, type SagaId } from '@loomworks/kernel'
import { z } from 'zod'

const Headers = z.looseObject({
  origin: z.string(),
  'origin-seq': z.string(),
  'origin-subject': z.string(),
  'origin-id': z.string(),
  'origin-headers': z.string(),
  reason: z.string(),
  error: z.string(),
  deliveries: z.string(),
})
const OriginHeaders = z.record(z.string(), z.string())

export interface Letter {
  /** Its place in the stream of dead letters: what it is asked for by. */
  readonly id: bigint
  readonly messageId: string
  /** Whose handler gave up. */
  readonly service: string
  readonly reason: string
  readonly error: string
  readonly deliveries: number
  readonly at: string
  readonly origin: {
    readonly stream: string
    readonly seq: string
    readonly subject: string
    readonly id: string
    readonly headers: Readonly<Record<string, string>>
  }
  /** The saga it belongs to; absent for an integration event. */
  readonly sagaId: SagaId | undefined
  /** The original, as it was. */
  readonly data: string
}

export interface LetterFilter {
  readonly service?: string | undefined
  readonly reason?: string | undefined
  readonly sagaId?: string | undefined
  readonly after?: bigint | undefined
}

/** Oldest first. What lies there and is no dead letter of ours is passed over. */
export async function* lettersIn(bus: Pick<Bus, 'browse'>, { service = '*', reason = '*', sagaId, after }: LetterFilter): AsyncGenerator<Letter> {
  for await (const stored of bus.browse('DLQ', `dlq.${service}.${reason}`, after)) {
    const letter = letterOf(stored)
    if (letter !== undefined && (sagaId === undefined || letter.sagaId === sagaId)) yield letter
  }
}

export async function letterWith(bus: Pick<Bus, 'browse'>, id: bigint): Promise<Letter | undefined> {
  for await (const stored of bus.browse('DLQ', 'dlq.>', id - 1n)) return stored.seq === id ? letterOf(stored) : undefined
  return undefined
}

function letterOf({ id: messageId, seq: id, subject, headers, data, publishedAt: at }: Stored): Letter | undefined {
  const parsed = Headers.safeParse(headers)
  if (!parsed.success) return undefined
  const { origin: stream, 'origin-seq': seq, 'origin-subject': from, 'origin-id': originId, 'origin-headers': text, reason, error, deliveries } = parsed.data
  const origin = { stream, seq, subject: from, id: originId, headers: OriginHeaders.parse(JSON.parse(text)) }
  return { id, messageId, service: subject.split('.')[1] ?? '', reason, error, deliveries: Number(deliveries), at, origin, sagaId: sagaIn(from), data }
}

/** `saga.cmd.<service>.<saga>.<step>.<dir>` and `saga.rep.<saga>.<step>`. */
function sagaIn(subject: string): SagaId | undefined {
  const [area, kind, third, fourth] = subject.split('.')
  if (area !== 'saga') return undefined
  const parsed = idOf<'saga'>().safeParse(kind === 'cmd' ? fourth : third)
  return parsed.success ? parsed.data : undefined
}
