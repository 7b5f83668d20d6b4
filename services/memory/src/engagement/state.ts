// What an engagement's state says about a command: who may, what may be named, what follows from a commit. Pure.
import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import type { Actor, EngagementId, ObjectId, Trust } from '@loomworks/kernel'
import { refuse } from '../errors.ts'
import type { AddableType, Persona, Ref, Superseding } from '../vocabulary.ts'
import type { EngagementEvent, EventOf } from './events.ts'
import { type Engagement, isOf, type MemoryObject } from './evolve.ts'

/** What the caller may do here, as judged by their membership, their token and how they act. */
export interface Rights {
  /** Whose memory their writing becomes. */
  readonly persona: Persona
  readonly commit: boolean
  /** They act for the persona in person: themselves, or their Companion with their explicit approval. */
  readonly personally: boolean
}

type Opened = NonNullable<Engagement['opened']>

/** The engagement, where it is there and the caller's to see. A personal one is its owner's alone. */
export function openedFor({ opened, voided }: Engagement, { persona }: Rights): Opened {
  if (opened === undefined || voided) throw refuse.engagement_not_found()
  const owned = opened.owner !== undefined
  if (owned && !(persona.kind === 'person' && persona.id === opened.owner)) throw refuse.engagement_not_found()
  return opened
}

export function writableFor(state: Engagement, rights: Rights): Opened {
  const opened = openedFor(state, rights)
  if (opened.state !== 'candidate' && opened.state !== 'active') throw refuse.engagement_not_writable()
  return opened
}

/** An object the caller may see: what is personal is its persona's alone. */
export function seen(state: Engagement, object: string, { persona }: Rights): MemoryObject {
  const found = state.objects.get(object)
  if (found === undefined || (found.class === 'personal' && !isOf(found.binding, persona))) throw refuse.object_not_found()
  return found
}

/** A seed lives on its own engagement, never on the administrative one. */
export function mayHoldSeed(engagement: string): boolean {
  return engagement !== WELL_KNOWN_ENGAGEMENTS.administrative.id
}

const FALLING: readonly Trust[] = ['direct_user', 'tool_internal', 'model_inference', 'untrusted']

/** Trust never rises along sources. */
export function lowestTrust(trusts: readonly Trust[]): Trust {
  return FALLING[Math.max(...trusts.map((trust) => FALLING.indexOf(trust)))] ?? 'untrusted'
}

/** A draft as a commit sees it. */
export type Draft = Pick<MemoryObject, 'id' | 'class' | 'binding' | 'author' | 'trust' | 'version' | 'supersedes'> & { readonly type: AddableType }

interface Committing {
  readonly engagement: EngagementId
  readonly actor: Actor
  readonly rights: Rights
}

/** Throws where the caller may not make this draft count. */
function requireAuthority(draft: Draft, { actor, rights }: Committing): void {
  if (draft.trust === 'untrusted' && actor.kind !== 'person') throw refuse.untrusted_needs_person()
  if (actor.kind === 'agent' && draft.author.kind === 'agent' && draft.author.id === actor.id) throw refuse.self_commit_forbidden()
  const ownPersonal = draft.class === 'personal' && rights.personally && isOf(draft.binding, rights.persona)
  if (!rights.commit && !ownPersonal) throw refuse.commit_authority_required()
}

/** The commit of drafts and the end of what they supersede: one append, so no object has two successors and one seed is in force. */
export function committed(state: Engagement, drafts: readonly Draft[], by: Committing): readonly EngagementEvent[] {
  const ended = new Set<string>()
  let { seed } = state
  return drafts.flatMap((draft) => {
    requireAuthority(draft, by)
    if (draft.type === 'seed') {
      if (seed !== undefined && !draft.supersedes.some(({ ref }) => ref.object === seed)) throw refuse.target_not_active({ target: seed })
      seed = draft.id
    }
    const ends = draft.supersedes.map((each) => supersededBy(state, draft, { ...by, each, ended }))
    return [committedEvent(draft, by), ...ends]
  })
}

function committedEvent({ id, type, version, trust }: Draft, { engagement, actor }: Committing): EventOf<'MemoryCommitted'> {
  return { type: 'MemoryCommitted', actor, trust, data: { ...about(engagement, id), objectType: type, objectVersion: version + 1 } }
}

type Ending = Committing & { readonly each: Superseding; readonly ended: Set<string> }

function supersededBy(state: Engagement, draft: Draft, { engagement, actor, rights, each: { ref, why }, ended }: Ending): EventOf<'MemorySuperseded'> {
  const target = state.objects.get(ref.object)
  const fits = target?.lifetime.k === 'Active' && target.type === draft.type && (target.class === 'operational' || isOf(target.binding, rights.persona))
  if (target === undefined || !fits || ended.has(target.id)) throw refuse.target_not_active({ target: ref.object })
  ended.add(target.id)
  const data = { ...about(engagement, target.id), objectType: draft.type, objectVersion: target.version + 1, by: about(engagement, draft.id), why }
  return { type: 'MemorySuperseded', actor, trust: draft.trust, data }
}

function about(engagement: EngagementId, object: ObjectId): Ref {
  return { engagement, object }
}
