// The streams of the bus and what subjects they hold (saga page §6). Consumers are named by the services themselves.
const DAY_MS = 86_400_000
const MIB = 1_048_576
const DUPLICATE_WINDOW_MS = 120_000
const MAX_MESSAGE_BYTES = 65_536

const stream = (name: 'SAGA_CMD' | 'SAGA_REP' | 'EVENTS' | 'DLQ', subject: string, days: number) => ({
  name,
  subjects: [subject],
  maxAgeMs: days * DAY_MS,
  maxBytes: 512 * MIB,
  maxMessageBytes: MAX_MESSAGE_BYTES,
  duplicateWindowMs: DUPLICATE_WINDOW_MS,
})

export const STREAMS = [
  stream('SAGA_CMD', 'saga.cmd.>', 7),
  stream('SAGA_REP', 'saga.rep.>', 7),
  stream('EVENTS', 'evt.>', 30),
  stream('DLQ', 'dlq.>', 90),
] as const
