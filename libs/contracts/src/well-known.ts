// What exists in every deployment from the first start, under the same ids everywhere.
import type { AgentId, EngagementId } from '@loomworks/kernel'

const wellKnown = (tail: string) => `00000000-0000-0000-0000-${tail.padStart(12, '0')}`

/** Engagements memory opens at start; their titles are constants, never stored. */
export const WELL_KNOWN_ENGAGEMENTS = {
  administrative: { id: wellKnown('01') as EngagementId, number: 1, visibility: 'private', title: 'Administration' },
  commons: { id: wellKnown('02') as EngagementId, number: 2, visibility: 'automatic', title: 'Loomworks commons' },
  sandbox: { id: wellKnown('e2') as EngagementId, number: 3, visibility: 'private', title: 'End-to-end sandbox' },
} as const

/** The agent that inducts a personal engagement: its one cycle was approved beforehand. */
export const PREAPPROVAL_AGENT = { id: wellKnown('a1') as AgentId, name: 'operator-preapproval-agent', instructionVersion: 1 } as const

/** Institutions that stand in the ledger; accounts, never principals. */
export const INSTITUTIONS = ['inst:dunin7', 'inst:anthropic', 'inst:absorbed'] as const
