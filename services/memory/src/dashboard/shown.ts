import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { z } from 'zod'
import { identifierOf } from '../identifiers.ts'

/** How a dashboard names an engagement. */
export const NamedEngagement = z.object({ id: z.guid(), display_identifier: z.string().nullable(), title: z.string() })

export function namedEngagement({ engagement, number }: { readonly engagement: string; readonly number: number | null }): z.output<typeof NamedEngagement> {
  const known = Object.values(WELL_KNOWN_ENGAGEMENTS).find(({ id }) => id === engagement)
  return { id: engagement, display_identifier: number === null ? null : identifierOf(number), title: known?.title ?? 'Untitled engagement' }
}

export const NamedObject = z.object({ engagement: z.guid(), object: z.guid(), version: z.int().optional() })
