// Integration events of memory at the first signup (memory page §14). `MemoryEventRecorded` is the audit feed: one for every
// event of every stream, ids and closed words only.
import { Actor, idOf } from '@loomworks/kernel'
import { z } from 'zod'
import { At, HexHash } from '../fields.ts'
import { integrationEvent } from '../message.ts'
import { EngagementState, MemoryClass, Priority, Visibility } from '../sets.ts'

const ENGAGEMENT = '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c22'
const OBJECT = '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c23'
const PERSON = '3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11'

/** The stream events of memory, by name. */
export const MemoryFactType = z.enum([
  'EngagementOpened',
  'EngagementArchived',
  'EngagementVoided',
  'DisplayNumbersTaken',
  'MemoryAdded',
  'MemoryRecorded',
  'MemoryCommitted',
  'MemorySuperseded',
  'MemoryRetracted',
])
export const MemoryObjectType = z.enum(['engagement', 'seed', 'seed_induction_loop_cycle', 'assertion', 'consent'])

/** Version 2 knows more types of events than version 1; what was said before reads the same. */
export const MemoryEventRecorded = integrationEvent('memory', 'MemoryEventRecorded', {
  v: 2,
  upcast: (previous) => previous,
  schema: z.strictObject({
    eventId: idOf<'event'>(),
    stream: z.string().regex(/^engagement-[0-9a-f-]{36}$/),
    revision: z.int().min(0),
    position: z.string().regex(/^[0-9]+$/),
    type: MemoryFactType,
    engagement: idOf<'engagement'>(),
    object: idOf<'object'>().optional(),
    objectType: MemoryObjectType.optional(),
    objectVersion: z.int().min(1).optional(),
    class: MemoryClass.optional(),
    personalOwner: idOf<'person'>().optional(),
    actor: Actor,
    correlationId: idOf(),
    at: At,
    hash: HexHash,
    prevHash: HexHash,
    priority: Priority,
    attestationDigest: HexHash.optional(),
  }),
  priority: 'standard',
  entity: (data) => data.engagement,
  sample: {
    eventId: '9d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c28',
    stream: `engagement-${ENGAGEMENT}`,
    revision: 1,
    position: '42',
    type: 'MemoryRecorded',
    engagement: ENGAGEMENT,
    object: OBJECT,
    objectType: 'seed',
    objectVersion: 1,
    class: 'operational',
    personalOwner: PERSON,
    actor: { kind: 'agent', id: '00000000-0000-0000-0000-0000000000a1', instructionVersion: 1 },
    correlationId: '5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27',
    at: '2030-01-02T03:04:05.678Z',
    hash: 'a'.repeat(64),
    prevHash: '0'.repeat(64),
    priority: 'standard',
  },
})

/** Never for a personal engagement. */
export const EngagementOpened = integrationEvent('memory', 'EngagementOpened', {
  schema: z.strictObject({
    engagement: idOf<'engagement'>(),
    visibility: Visibility.exclude(['personal']),
    displayIdentifier: z.string().regex(/^E[0-9]{4,}$/),
    openedBy: Actor,
  }),
  entity: (data) => data.engagement,
  sample: {
    engagement: '00000000-0000-0000-0000-000000000002',
    visibility: 'automatic',
    displayIdentifier: 'E0002',
    openedBy: { kind: 'service', id: 'memory' },
  },
})

export const EngagementStateChanged = integrationEvent('memory', 'EngagementStateChanged', {
  schema: z.strictObject({ engagement: idOf<'engagement'>(), state: EngagementState }),
  entity: (data) => data.engagement,
  sample: { engagement: '00000000-0000-0000-0000-000000000002', state: 'active' },
})
