import { Designation } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { InvitationState } from '../vocabulary.ts'
import type { Invitation } from './queries.ts'

export const ShownInvitation = z.object({
  id: idOf<'invitation'>(),
  engagement: idOf<'engagement'>(),
  /** Whom it is for, where that was said and it is open. */
  email: z.string().nullable(),
  designations: z.array(Designation),
  invited_by: idOf<'person'>(),
  state: InvitationState,
  created_at: z.string(),
  expires_at: z.string(),
})

export function shownInvitation({ engagement_id, email_lookup, designations, ...rest }: Invitation): z.input<typeof ShownInvitation> {
  return { ...rest, engagement: engagement_id, email: email_lookup, designations: [...designations] }
}
