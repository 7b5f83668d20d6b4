import { AgentState } from '@loomworks/contracts'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { agent as refusals } from '../../errors.ts'
import { DisplayName, Purpose } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { AgentParams, changingAgent, REFUSED, writeAgent } from '../changing.ts'
import { ShownAgent, shownAgent } from '../shown.ts'

export const changeAgentRoute = operation({
  patch: '/agents/:agent',
  id: 'changeAgent',
  summary: 'Name an agent anew, give it another instruction, or let it rest and wake it again',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'agent', idFrom: 'params.agent', relation: 'operator', hide: true },
  params: AgentParams,
  body: z
    .strictObject({
      name: DisplayName.optional(),
      purpose: Purpose.optional(),
      instruction_version: z.int().min(1).max(1_000_000).optional(),
      state: AgentState.exclude(['retired']).optional(),
    })
    .refine((body) => Object.keys(body).length > 0, { message: 'says nothing' }),
  reply: ShownAgent,
  refuses: [...REFUSED, refusals.retired, refusals.name_taken],

  answer(request, parts: IdentityParts) {
    return changingAgent(request, parts, async ({ tx, agent, stating }) => {
      if (agent.state === 'retired') throw refusals.retired()
      const { body } = request
      // Events say which instruction an agent followed, so a number never means two.
      if (body.instruction_version !== undefined && body.instruction_version < agent.instruction_version)
        throw shared.invalid_body({ errors: [{ pointer: '/instruction_version', code: 'custom', message: 'versions only rise' }] })
      return shownAgent(await writeAgent(tx, agent, given(body), stating))
    })
  },
})

function given<T extends object>(body: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
