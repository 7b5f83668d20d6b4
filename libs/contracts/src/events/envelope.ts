// An integration event on the bus (architecture §12): the fact, who stated it, and where it stands among its entity's facts.
import { Actor, Traceparent } from '@loomworks/kernel'
import { z } from 'zod'
import { At, HexHash } from '../fields.ts'

export const BusEvent = z.strictObject({
  type: z.string(),
  v: z.int().min(1),
  at: At,
  actor: Actor,
  entity: z.string(),
  /** Place among the entity's facts, where they are dense. */
  revision: z.int().min(0).optional(),
  /** Revision of the entity's previous published fact. */
  prevRevision: z.int().min(0).optional(),
  correlationId: z.string(),
  causationId: z.string(),
  traceparent: Traceparent,
  data: z.record(z.string(), z.json()),
  attestationDigest: HexHash.optional(),
})
export type BusEvent = Readonly<z.output<typeof BusEvent>>
