// Who did it. One union for every event of every service; names are never in it, they are joined when somebody reads.
import { z } from 'zod'
import { type Id, idOf, type PersonId } from './ids.ts'

/** The service actors: a closed set, the six services and three roles the system itself plays. */
export const ServiceActorId = z.enum(['identity', 'memory', 'companion', 'credit', 'audit', 'gateway', 'migrations', 'signup', 'operator'])
export type ServiceActorId = z.output<typeof ServiceActorId>

export const ServiceName = z.enum(['identity', 'memory', 'companion', 'credit', 'audit', 'gateway'])
export type ServiceName = z.output<typeof ServiceName>

export const ApprovalMode = z.enum(['explicit', 'pre_authorized'])
export type ApprovalMode = z.output<typeof ApprovalMode>

/** By what right: a membership, a linked connection, or a version of a signed delegation. */
export const CapabilityRef = z.string().regex(/^(?:(?:membership|connection):[0-9a-f-]{36}|delegation:[0-9a-f-]{36}@[1-9][0-9]{0,8})$/)

const PersonActor = z.strictObject({ kind: z.literal('person'), id: idOf<'person'>() })
const CompanionActor = z
  .strictObject({ kind: z.literal('companion'), id: idOf<'person'>(), approvalMode: ApprovalMode, capabilityRef: CapabilityRef.optional() })
  .refine((actor) => actor.approvalMode === 'explicit' || actor.capabilityRef !== undefined, { message: 'pre_authorized needs a capabilityRef' })
const AgentActor = z.strictObject({ kind: z.literal('agent'), id: idOf<'agent'>(), instructionVersion: z.int().min(1) })
const ServiceActor = z.strictObject({ kind: z.literal('service'), id: ServiceActorId })

export const Actor = z.union([PersonActor, CompanionActor, AgentActor, ServiceActor])
export type Actor = Readonly<z.output<typeof Actor>>
export type ActorKind = Actor['kind']

export function actorFromPerson(id: PersonId): Actor {
  return { kind: 'person', id }
}

/** The Companion has no id of its own: it acts as its person's, and says by whose approval. */
export function actorFromCompanion(id: PersonId, approval: { approvalMode: ApprovalMode; capabilityRef?: string }): Actor {
  return { kind: 'companion', id, ...approval }
}

export function actorFromService(id: ServiceActorId): Actor {
  return { kind: 'service', id }
}

/** What a name is joined to: `display_name` of a person, `companion_name` of a Companion, the id itself for the rest. */
export function displayOf(actor: Actor, names: { readonly displayName: string | null; readonly companionName: string | null } | undefined): string {
  if (actor.kind === 'person') return names?.displayName ?? 'someone'
  if (actor.kind === 'companion') return names?.companionName ?? 'Companion'
  return actor.id
}

export type AgentId = Id<'agent'>
