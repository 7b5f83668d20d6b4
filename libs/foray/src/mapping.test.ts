import {
  type BusEvent,
  DelegationChanged,
  DelegationState,
  EVENT_TYPES,
  type EventType,
  MemoryEventRecorded,
  MemoryFactType,
  parseEventData,
} from '@loomworks/contracts'
import { derivedId } from '@loomworks/kernel'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { commit, contentHashOf, headCommitment, partCommitment } from './commitment.ts'
import { draftOf } from './draft.ts'
import { isMapped, NOT_RECORDED } from './mapping.ts'
import { type Draft, grammarFaults, PAYLOADS } from './record.ts'
import { Fact, ForayType } from './vocabulary.ts'

const MESSAGE = '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c99'

const eventOf = (type: EventType, actor: BusEvent['actor'] = { kind: 'service', id: 'signup' }): BusEvent => ({
  type: type.name,
  v: type.v,
  at: '2030-01-02T03:04:05.678Z',
  actor,
  entity: 'e',
  correlationId: MESSAGE,
  causationId: MESSAGE,
  traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  data: type.sample as BusEvent['data'],
})
const record = (type: EventType, actor?: BusEvent['actor']) =>
  draftOf({
    event: eventOf(type, actor),
    data: parseEventData(type, type.v, type.sample),
    messageId: MESSAGE,
    service: type.service as 'identity',
    recordedAt: '2030-01-02T03:04:06.000Z',
  })
const recorded = EVENT_TYPES.filter(({ name }) => isMapped(name))
const draft = (type: EventType): Draft => record(type) ?? missing(type.name)

describe('A-INV-6: every published event', () => {
  test.each(EVENT_TYPES.map(({ name }) => name))('%s is recorded, or has a written reason why not', (name) => {
    expect(isMapped(name) !== name in NOT_RECORDED).toBe(true)
  })
  test.each(recorded.map((type) => [type.name, type] as const))('%s makes a record that keeps the grammar', (_, type) => {
    const made = draft(type)
    expect(grammarFaults(made)).toEqual([])
    expect(made.head).toMatchObject({ id: derivedId(MESSAGE, 'record'), service: type.service })
    expect(made.head.priority).toBe(type.priority)
  })
})

test('every type and every fact has an event that makes it', () => {
  const made = recorded.map(draft)
  expect(new Set(made.map(({ head }) => head.type))).toEqual(
    new Set(ForayType.options.filter((type) => !['engagement_lifecycle', 'workspace_operation'].includes(type))),
  )
  const facts = new Set(made.map(({ head }) => head.fact))
  const ofFeed = MemoryFactType.options.filter((name) => name !== 'MemoryRecorded').map((name) => name.replace(/(?!^)[A-Z]/g, '_$&').toLowerCase())
  const ofContracts = DelegationState.options.filter((state) => state !== DelegationChanged.sample.state).map((state) => `delegation_${state}`)
  expect(Fact.options.filter((fact) => !facts.has(fact)).sort()).toEqual([...ofFeed, ...ofContracts].sort())
})

test.each([
  ['EngagementArchived', 'engagement_lifecycle', 'engagement_archived'],
  ['DisplayNumbersTaken', 'workspace_operation', 'display_numbers_taken'],
  ['MemoryCommitted', 'memory_change', 'memory_committed'],
] as const)('%s of the feed is a record of type %s', (type, recordedAs, fact) => {
  const made = record({ ...MemoryEventRecorded, sample: { ...MemoryEventRecorded.sample, type } } as EventType) ?? missing(type)
  expect(made.head).toMatchObject({ type: recordedAs, fact })
  expect(grammarFaults(made)).toEqual([])
})

test.each([
  ['active', true, 'critical'],
  ['active', false, 'high'],
  ['suspended', false, 'high'],
  ['revoked', false, 'critical'],
  ['expired', false, 'high'],
] as const)('a contract that is %s, signed: %s, is a record of %s weight, with the signature it rests on', (state, isSigned, priority) => {
  const attestationDigest = 'cd'.repeat(32)
  const sample = { ...DelegationChanged.sample, state, ...(isSigned && { attestationDigest }) }
  const made = record({ ...DelegationChanged, sample } as EventType) ?? missing(state)
  expect(made.head).toMatchObject({ type: 'delegation_lifecycle', class: 'lifecycle', fact: `delegation_${state}`, priority })
  expect(made.parts.at(-1)?.body).toMatchObject({ what: isSigned ? { attestation_digest: attestationDigest } : {} })
  expect(JSON.stringify(made.parts).includes('attestation')).toBe(isSigned)
  expect(grammarFaults(made)).toEqual([])
})

test('a flow says from whom to whom by part and institution, line by line as the ledger has it', () => {
  const type = EVENT_TYPES.find(({ name }) => name === 'CreditsIssued') ?? missing('CreditsIssued')
  const { parts } = draft(type)
  expect(parts.at(-1)?.body).toMatchObject({
    what: { values: [{ line: 1, from: { k: 'institution', code: 'dunin7' }, to: { k: 'who', n: 1 }, asset: 'loomworks_credit_sonnet', quantity: '100000' }] },
  })
})

test('who is named twice stands once, as the actor', () => {
  const type = EVENT_TYPES.find(({ name }) => name === 'PersonNamesChanged') ?? missing('PersonNamesChanged')
  const personId = (type.sample as { personId: string }).personId
  const { parts } = record(type, { kind: 'person', id: personId as never }) ?? missing('record')
  expect(parts.filter(({ body }) => 'who' in body)).toHaveLength(1)
})

describe('the grammar refuses', () => {
  const type = EVENT_TYPES.find(({ name }) => name === 'PersonActivated') ?? missing('PersonActivated')
  const good = draft(type)
  test.each<[string, Draft]>([
    ['a class that is not its type’s', { ...good, head: { ...good.head, class: 'event' } }],
    ['a Companion without an approval', { ...good, head: { ...good.head, actor_kind: 'companion' } }],
    ['what was authorized beforehand by no right', { ...good, head: { ...good.head, actor_kind: 'companion', approval_mode: 'pre_authorized' } }],
    ['a record without parts', { ...good, parts: [] }],
    ['data of another type', { ...good, head: { ...good.head, type: 'role_change', class: 'event' } }],
  ])('%s', (_, broken) => {
    expect(grammarFaults(broken)).not.toEqual([])
  })
})

test('A-INV-7: no payload has a string without a pattern or a closed set', () => {
  const open = Object.entries(PAYLOADS).flatMap(([name, schema]) => openStrings(z.toJSONSchema(schema, { io: 'input' }), name))
  expect(open).toEqual([])
})

test('A-INV-4: a stored record recomputes to its content hash, and a changed part does not', () => {
  const { head, headSalt, parts, contentHash } = commit(good())
  const again = () =>
    contentHashOf(
      headCommitment(headSalt, head),
      parts.map(({ salt, body }) => partCommitment(salt, body)),
    )
  expect(again()).toEqual(contentHash)
  const [first] = parts
  expect(partCommitment(Buffer.alloc(16), first?.body ?? missing('part'))).not.toEqual(first?.commitment)
})

test('two records of the same fact share nothing that a dictionary could find', () => {
  expect(commit(good()).contentHash).not.toEqual(commit(good()).contentHash)
})

function good(): Draft {
  return draft(EVENT_TYPES[0] ?? missing('event'))
}

function openStrings(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { type, pattern, format, enum: words, const: word } = schema as Record<string, unknown>
  if (type === 'string' && pattern === undefined && format === undefined && words === undefined && word === undefined) return [path]
  return Object.entries(schema).flatMap(([key, value]) => openStrings(value, `${path}/${key}`))
}

function missing(what: string): never {
  throw new Error(`there is no ${what}`)
}
