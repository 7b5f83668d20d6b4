import { EngagementState } from '@loomworks/contracts'
import { refusals } from '@loomworks/kernel'
import { z } from 'zod'
import { LifetimeKind } from './vocabulary.ts'

export const refuse = refusals('memory', {
  engagement_not_found: { status: 404, says: 'There is no such engagement here.', remedy: 'Check the address; what is not yours to see is not shown.' },
  object_not_found: { status: 404, says: 'There is no such memory object here.', remedy: 'Check the id; objects of other engagements are not shown.' },
  address_malformed: { status: 422, says: 'This is no address of an engagement.', remedy: 'Send a UUID, E and a number such as E0002, or me.' },
  class_required: { status: 422, says: 'A memory states its class.', remedy: 'Send `class`: personal or operational. It is never guessed.' },
  sources_unknown: {
    status: 422,
    says: 'What this refers to is not known here.',
    remedy: 'Name objects you may read.',
    details: z.object({ unknown: z.array(z.string()) }),
  },
  type_not_addable: { status: 409, says: 'Objects of this type are recorded, not added.', remedy: 'Add an assertion or a seed.' },
  type_not_retractable: { status: 409, says: 'Objects of this type stay.', remedy: 'Engagement, seed in force, cycle and consent cannot be retracted.' },
  personal_memory_only: { status: 409, says: 'A personal engagement is for memory alone.', remedy: 'Leave shape_types and render_types empty.' },
  personal_needs_person: { status: 403, says: 'An agent writes operational memory only.', remedy: 'Let the person write what is personal.' },
  held_quota_exceeded: { status: 429, says: 'Too many drafts wait here.', remedy: 'Commit or retract some of them first.' },
  commit_authority_required: { status: 403, says: 'Committing needs commit authority in this engagement.', remedy: 'Ask an operator to commit it.' },
  self_commit_forbidden: { status: 403, says: 'An agent cannot commit what it wrote itself.', remedy: 'Let a person or another agent commit it.' },
  untrusted_needs_person: { status: 403, says: 'Only a person may commit what is untrusted.', remedy: 'Let a person read it and commit it.' },
  consent_required: { status: 403, says: 'This needs the consent of whom the memory belongs to.', remedy: 'Let the person do it themselves.' },
  wrong_state: {
    status: 409,
    says: 'It is not in a state that allows this.',
    remedy: 'Read it again.',
    details: z.object({ lifetime: LifetimeKind.optional(), state: EngagementState.optional() }),
  },
  version_conflict: {
    status: 409,
    says: 'The object changed since you read it.',
    remedy: 'Read it again and decide anew.',
    details: z.object({ currentVersion: z.int() }),
  },
  target_not_active: {
    status: 409,
    says: 'What this supersedes is not active, or not of its kind.',
    remedy: 'Name an active object of the same type, or none.',
    details: z.object({ target: z.string() }),
  },
  location_unreachable: { status: 409, says: 'The content cannot be read back there.', remedy: 'Leave `preserved_in` out: it stays in the log.' },
  engagement_not_writable: { status: 409, says: 'Nothing can be written here now.', remedy: 'Candidate and active engagements can be written to.' },
  engagement_limit: {
    status: 409,
    says: 'You have a hundred candidate engagements already.',
    remedy: 'Activate or archive one of them first.',
  },
  operator_required: { status: 403, says: 'This needs an operator of the engagement.', remedy: 'Ask one of its operators.' },
  too_large: { status: 413, says: 'This is more than one append may hold; nothing was written.', remedy: 'Send it in smaller batches.' },
  store_unavailable: {
    status: 503,
    says: 'The store did not answer: whether this was written is not known.',
    remedy: 'Send it again under the same Idempotency-Key.',
  },
})
