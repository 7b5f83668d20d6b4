// Titles as they are read: opened under the key of their engagement, kept nowhere in the clear.
import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { z } from 'zod'
import type { Keyring } from './keyring/keyring.ts'

/** What a row must tell so that its engagement can be named. */
export const Titled = z.object({ engagement: z.string(), title: z.record(z.string(), z.json()).nullable(), title_event: z.string().nullable() })
export type Titled = Readonly<z.output<typeof Titled>>

const CONSTANT: ReadonlyMap<string, string> = new Map(Object.values(WELL_KNOWN_ENGAGEMENTS).map(({ id, title }) => [id, title]))
const UNTITLED = 'Untitled engagement'

/** How each of these shared engagements is called. One whose title cannot be read any more is called as if it had none. */
export async function titlesOf(rows: readonly Titled[], keyring: Pick<Keyring, 'open'>): Promise<(engagement: string) => string> {
  const told = new Map(
    rows.flatMap(({ engagement, title, title_event: eventId }) => (title === null || eventId === null ? [] : [[engagement, { title, eventId }]])),
  )
  const texts = await keyring.open([...told].map(([engagement, { title, eventId }]) => ({ engagement, object: engagement, eventId, sealed: title })))
  const clear = new Map([...told.keys()].map((engagement, n) => [engagement, texts[n]?.title] as const))
  return (engagement) => {
    const title = CONSTANT.get(engagement) ?? clear.get(engagement)
    return typeof title === 'string' ? title : UNTITLED
  }
}
