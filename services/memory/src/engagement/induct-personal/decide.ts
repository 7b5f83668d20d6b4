// A personal engagement in one append: the engagement, its seed and the one cycle that was approved beforehand, in this order.
import { PREAPPROVAL_AGENT } from '@loomworks/contracts'
import type { Actor, EngagementId, PersonId } from '@loomworks/kernel'
import type { EngagementEvent, EventOf } from '../events.ts'
import { inductedCycle, inductedSeed, itself } from '../stream.ts'

export interface InductPersonal {
  readonly personId: PersonId
  readonly engagementId: EngagementId
}

const AGENT: Actor = { kind: 'agent', id: PREAPPROVAL_AGENT.id, instructionVersion: PREAPPROVAL_AGENT.instructionVersion }
const BY_RULE = { actor: AGENT, trust: 'tool_internal' } as const

/** Exactly three facts. The engagement's name is in none of them: it is composed when it is read. */
export function inductPersonal(order: InductPersonal): readonly EngagementEvent[] {
  return [opened(order), seedRecorded(order), cycleRecorded(order)]
}

function opened({ engagementId: engagement, personId: owner }: InductPersonal): EventOf<'EngagementOpened'> {
  const seed = { engagement, object: inductedSeed(engagement) }
  return {
    type: 'EngagementOpened',
    ...BY_RULE,
    data: { ...own(engagement, owner), object: itself(engagement), objectType: 'engagement', state: 'active', visibility: 'personal', openedBy: AGENT, seed },
  }
}

function seedRecorded({ engagementId: engagement, personId: owner }: InductPersonal): EventOf<'MemoryRecorded'> {
  const payload = { seedVersion: 1, initialContributors: [owner], initialAgents: [], shapeTypes: [], renderTypes: [] }
  return {
    type: 'MemoryRecorded',
    ...BY_RULE,
    data: { ...own(engagement, owner), ...REFERS_TO_NOTHING, object: inductedSeed(engagement), objectType: 'seed', payload },
    sealed: PERSONAL_SEED,
  }
}

function cycleRecorded({ engagementId: engagement, personId: owner }: InductPersonal): EventOf<'MemoryRecorded'> {
  const payload = {
    cycleNumber: 1,
    seed: { engagement, object: inductedSeed(engagement), version: 1 },
    convergenceReached: true,
    openFindingCountAfterCycle: 0,
    findingsProduced: [],
    findingsAddressed: [],
  }
  return {
    type: 'MemoryRecorded',
    ...BY_RULE,
    data: { ...own(engagement, owner), ...REFERS_TO_NOTHING, object: inductedCycle(engagement), objectType: 'seed_induction_loop_cycle', payload },
  }
}

const REFERS_TO_NOTHING = { sources: [], supersedes: [], about: [] }

/** What all three have: a first version that is the owner's alone. */
function own(engagement: EngagementId, owner: PersonId) {
  const binding = { k: 'PersonalOnly', persona: { kind: 'person', id: owner } } as const
  return { engagement, objectVersion: 1, class: 'operational', binding, owner } as const
}

const PERSONAL_SEED = {
  whatTheWorkIs: 'Personal knowledge — facts, preferences, and context that belong to the person and travel across all engagements.',
  whoConsumesTheWork: "The Companion, on the person's behalf.",
  voiceOfTheWork: 'Not applicable — personal memory is facts, not authored content.',
  constraints: ['Person-scoped: never visible to other persons.', 'Permanent deletion right available alongside retraction.'],
  successConditions: ['The Companion can draw on personal knowledge when relevant to any engagement conversation.'],
  additionalAssertions: { engagement_name: 'personal' },
}
