// A member as HTTP shows them: how they are called is joined now and kept nowhere.
import { Designation, PrincipalKind } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { z } from 'zod'

export const ShownMember = z.object({
  id: idOf<'membership'>(),
  principal: z.object({ kind: PrincipalKind, id: idOf() }),
  name: z.string().nullable(),
  designations: z.array(Designation),
  commit_authority: z.boolean(),
  active: z.boolean(),
  since: z.string(),
})

export interface MemberRow {
  readonly id: z.output<typeof ShownMember>['id']
  readonly principal_kind: z.output<typeof PrincipalKind>
  readonly principal_id: z.output<typeof ShownMember>['principal']['id']
  readonly name: string | null
  readonly designations: readonly Designation[]
  readonly commit_authority: boolean
  readonly active: boolean
  readonly created_at: string
}

export function shownMember({
  id,
  principal_kind,
  principal_id,
  name,
  designations,
  commit_authority,
  active,
  created_at,
}: MemberRow): z.input<typeof ShownMember> {
  return {
    id,
    principal: { kind: principal_kind, id: principal_id },
    name,
    designations: [...designations],
    commit_authority: commit_authority || designations.includes('operator'),
    active,
    since: created_at,
  }
}

/** Parameters of everything about one member. */
export const MemberParams = z.object({ engagement: z.string(), member: idOf<'membership'>() })
