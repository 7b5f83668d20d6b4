import { createHash } from 'node:crypto'
import { SessionOpened } from '@loomworks/contracts'
import { commit, draftOf, entryOf, type Frontier, grown, leafHash, rootOf } from '@loomworks/foray'
import { newId } from '@loomworks/kernel'
import { type Benchmark, interleaved, timedRound } from './benchmark.ts'

const GOAL = 0.3
const SIGNED_EVERY = 100
const TRACE = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`

/** Mapping, commitments and growing the log in memory, against SHA-256 over the same bytes. */
export const auditAppend: Benchmark = {
  name: 'audit',
  async run({ quick }) {
    const events = Array.from({ length: quick ? 100 : 5000 }, incoming)
    const bytes = events.map((each) => Buffer.from(JSON.stringify(draftOf(each))))
    const append = () => {
      let frontier: Frontier = []
      return timedRound(events.length, 1, async (_, turn) => {
        const draft = draftOf(events[turn] ?? incoming())
        if (draft !== undefined) frontier = grown(frontier, turn, leafHash(entryOf(commit(draft).contentHash)))
        // The log is signed for many records at once, never for one.
        if (turn % SIGNED_EVERY === 0) rootOf(frontier)
      })
    }
    const hash = () =>
      timedRound(events.length, 1, async (_, turn) =>
        createHash('sha256')
          .update(bytes[turn] ?? '')
          .digest(),
      )
    const [value, yardstick] = await interleaved(quick ? 1 : 6, append, hash)
    const ratio = value / yardstick
    return [{ bench: 'audit append in memory', value, unit: 'records/s', yardstick, ratio, goal: `≥ ${GOAL}`, ok: ratio >= GOAL }]
  },
}

function incoming() {
  const id = newId()
  const data = { personId: newId<'person'>(), sessionId: newId<'session'>(), amr: ['passkey' as const], newDevice: false }
  const at = '2030-01-02T03:04:05.678Z'
  const event = {
    type: SessionOpened.name,
    v: 1,
    at,
    actor: { kind: 'person', id: data.personId } as const,
    entity: data.personId,
    correlationId: id,
    causationId: id,
    traceparent: TRACE,
    data,
  }
  return { event, data, messageId: id, service: 'identity' as const, recordedAt: at }
}
