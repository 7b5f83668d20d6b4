// What is not as it should be between the streams of sagas, the fences of their participants and the rows of the owners. Each finding
// says what may be done about it. What changed within the last minute may still be under way.
import { ServiceName } from '@loomworks/kernel'
import type { EffectListed, FenceListed } from '@loomworks/sagas'
import { z } from 'zod'
import { isOver, type Standing } from './standing.ts'

const FindingKind = z.enum([
  'fence_without_saga',
  'effect_without_fence',
  'pending_person_without_saga',
  'reserved_grant_without_saga',
  'engagement_without_owner',
  'person_without_engagement',
  'status_mismatch',
  'dead_letter_of_open_saga',
])

/** To send the undo of the step; to write the row of the list anew; to have the letter handled once more; or nothing by itself. */
const Proposal = z.enum(['undo', 'relist', 'redrive', 'inspect'])

export const Finding = z.object({
  kind: FindingKind,
  proposed: Proposal,
  service: ServiceName.optional(),
  step: z.string().optional(),
  saga_id: z.string().optional(),
  /** The thing: a person, an engagement, a grant, a dead letter. */
  ref: z.string().optional(),
  /** What either side says. */
  says: z.object({ saga: z.string(), other: z.string() }).optional(),
})
export type Finding = z.output<typeof Finding>

const GRACE_MS = 60_000
/** Fences go thirty days after their last use; behind that an effect needs none. */
const FENCED_MS = 29 * 86_400_000

export function isSettled(since: string, nowMs: number): boolean {
  return nowMs - Date.parse(since) > GRACE_MS
}

/** An effect that stands in a participant must belong to a saga that wants it; what was undone must be undone there. */
export function fenceFinding(service: ServiceName, fence: FenceListed, standing: Standing | undefined): Finding | undefined {
  const about = { service, step: fence.step, saga_id: fence.sagaId }
  if (standing === undefined) return fence.state === 'done' ? { kind: 'fence_without_saga', proposed: 'undo', ...about } : undefined
  const says = { saga: standing.state, other: fence.state }
  if (standing.state === 'aborted' && fence.state === 'done') return { kind: 'status_mismatch', proposed: 'undo', ...about, says }
  return standing.state === 'completed' && fence.state !== 'done' ? { kind: 'status_mismatch', proposed: 'inspect', ...about, says } : undefined
}

export function grantFinding({ id, state, sagaId }: EffectListed, standing: Standing | undefined): Finding | undefined {
  if (state !== 'reserved' || (standing !== undefined && !isOver(standing))) return undefined
  const about = { service: 'credit' as const, step: 'reserve', ref: id, ...(sagaId !== null && { saga_id: sagaId }) }
  return { kind: 'reserved_grant_without_saga', proposed: standing?.state === 'completed' ? 'inspect' : 'undo', ...about }
}

export function pendingFinding({ id, state }: EffectListed, standing: Standing | undefined): Finding | undefined {
  if (state !== 'pending' || (standing !== undefined && !isOver(standing))) return undefined
  const about = { service: 'identity' as const, step: 'createPending', ref: id, ...(standing !== undefined && { saga_id: standing.sagaId }) }
  return { kind: 'pending_person_without_saga', proposed: standing?.state === 'aborted' ? 'undo' : 'inspect', ...about }
}

/** A person who is there, or is coming to be, owns it; else nobody can ever see it. */
export function engagementFinding({ id, personId }: EffectListed, owner: string | undefined, standing: Standing | undefined): Finding | undefined {
  if (owner !== undefined || (standing !== undefined && !isOver(standing))) return undefined
  const about = { service: 'memory' as const, step: 'induct', ref: id, ...(standing !== undefined && { saga_id: standing.sagaId }) }
  return { kind: 'engagement_without_owner', proposed: standing?.state === 'aborted' ? 'undo' : 'inspect', ...about, ...says(personId) }
}

function says(personId: string | null): Pick<Finding, 'says'> {
  return { says: { saga: 'no owner', other: personId ?? 'nobody' } }
}

/** Whose adoption was undone again and again has none, whatever memory still has of theirs. */
export function personFinding({ id, state }: EffectListed, owns: boolean, standing: Standing | undefined): Finding | undefined {
  const about = { kind: 'person_without_engagement', proposed: 'inspect', service: 'memory', ref: id } as const
  if (state === 'unadopted') return { ...about, ...(standing !== undefined && { saga_id: standing.sagaId }) }
  return state === 'active' && !owns ? about : undefined
}

/** Young enough that its fence must still be there. */
export function mustBeFenced({ since, kind, state }: EffectListed, nowMs: number): boolean {
  return nowMs - Date.parse(since) < FENCED_MS && !(kind === 'person' && state === 'erased')
}

const FENCED_BY: Readonly<Record<EffectListed['kind'], string>> = { person: 'createPending', engagement: 'induct', grant: 'reserve' }

export function unfencedFinding(service: ServiceName, { kind, id }: EffectListed, { sagaId }: Standing): Finding {
  return { kind: 'effect_without_fence', proposed: 'inspect', service, step: FENCED_BY[kind], saga_id: sagaId, ref: id }
}

export function fencedStep({ kind }: EffectListed): string {
  return FENCED_BY[kind]
}
