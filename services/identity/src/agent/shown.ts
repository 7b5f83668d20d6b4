import { AgentState } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import type { Agent } from './queries.ts'

export const ShownAgent = z.object({
  id: idOf<'agent'>(),
  engagement: idOf<'engagement'>().nullable(),
  name: z.string(),
  purpose: z.string(),
  instruction_version: z.int(),
  state: AgentState,
  /** The operator who answers for it. */
  sponsor: idOf<'person'>().nullable(),
  created_at: z.string(),
})

export function shownAgent({ id, engagement_id, name, purpose, instruction_version, state, sponsor_person_id, created_at }: Agent): z.input<typeof ShownAgent> {
  return { id, engagement: engagement_id, name, purpose, instruction_version, state, sponsor: sponsor_person_id, created_at }
}
