// The fence: one record per (saga, step) in a participant, and the table of saga page §2.2 that says what an arriving do or undo
// means against it. Pure, so that the row fence, the explorer and the simulation use the very same table.
import type { FenceState } from '@loomworks/contracts'
import type { JsonObject, Time } from '@loomworks/kernel'

/** What a do answered; goes out again under the attempt of whatever command repeats it. */
export interface StoredReply {
  readonly outcome: 'done' | 'failed'
  readonly code?: string | undefined
  readonly data?: JsonObject | undefined
  readonly at: Time
}

export interface StoredUndo {
  readonly effect: 'reversed' | 'none'
  readonly at: Time
}

export interface Fence {
  readonly state: FenceState
  /** SHA-256 of the canonical do data; null in a tombstone. */
  readonly inputHash: string | null
  readonly reply: StoredReply | null
  readonly undoReply: StoredUndo | null
}

export type Verdict = 'apply' | 'stored' | 'refused' | 'mismatch' | 'tombstone' | 'reverse' | 'nothing'

/** What to do about a do: refused is decided before the input is compared. */
export function judgeDo(fence: Fence | undefined, inputHash: string): Verdict {
  if (fence === undefined) return 'apply'
  if (fence.state === 'undone' || fence.state === 'tombstone') return 'refused'
  return fence.inputHash === inputHash ? 'stored' : 'mismatch'
}

/** What to do about an undo; its data are never compared. */
export function judgeUndo(fence: Fence | undefined): Verdict {
  if (fence === undefined) return 'tombstone'
  if (fence.state === 'done') return 'reverse'
  return fence.state === 'failed' ? 'nothing' : 'stored'
}
