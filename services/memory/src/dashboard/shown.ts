import { z } from 'zod'
import { identifierOf } from '../identifiers.ts'

/** How a dashboard names an engagement. */
export const NamedEngagement = z.object({ id: z.guid(), display_identifier: z.string().nullable(), title: z.string() })

interface Numbered {
  readonly engagement: string
  readonly number: number | null
}

export function namedEngagement({ engagement, number }: Numbered, titled: (engagement: string) => string): z.output<typeof NamedEngagement> {
  return { id: engagement, display_identifier: number === null ? null : identifierOf(number), title: titled(engagement) }
}

export const NamedObject = z.object({ engagement: z.guid(), object: z.guid(), version: z.int().optional() })
