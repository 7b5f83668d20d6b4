// Random histories through the real decisions and the real fold; the invariants are read off the events alone.
import { type Actor, type CommandId, derivedId, type PersonId, Refusal, type Trust } from '@loomworks/kernel'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Ref } from '../vocabulary.ts'
import { addMemory, type NewMemory } from './add-memory/decide.ts'
import { archiveEngagement } from './archive-engagement/decide.ts'
import { commitMemory } from './commit-memory/decide.ts'
import type { EngagementEvent } from './events.ts'
import { type Engagement, engagement } from './evolve.ts'
import { retractMemory } from './retract-memory/decide.ts'
import { lowestTrust } from './state.ts'
import { ada, bob, clerk, HERE, iris, irisAlone, opened, openedFor, rightsOf, scribe } from './story.ts'

const RUNS = { numRuns: Number(process.env.PROPERTY_RUNS ?? 200) }
const ACTORS = [ada, ada, ada, bob, scribe, clerk, iris, irisAlone]
const AT = '2030-01-02T03:04:05.678Z'

interface Step {
  readonly verb: 'add' | 'add_committed' | 'commit' | 'retract' | 'archive'
  readonly actor: number
  readonly authority: boolean
  readonly personal: boolean
  readonly seed: boolean
  readonly pick: number
  readonly other: number
  readonly right: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  verb: fc.constantFrom(...Array.from({ length: 5 }, () => ['add', 'add_committed', 'commit', 'retract'] as const).flat(), 'archive'),
  actor: fc.nat(ACTORS.length - 1),
  authority: fc.boolean(),
  personal: fc.boolean(),
  seed: fc.boolean(),
  pick: fc.nat(5),
  other: fc.nat(5),
  right: fc.constantFrom(true, true, true, false),
})

interface Told {
  readonly event: EngagementEvent
  readonly authority: boolean
}

/** What a random history leaves in the log; a refused command leaves nothing. */
function historyOf(steps: readonly Step[], first: EngagementEvent): readonly Told[] {
  const told: Told[] = [{ event: first, authority: true }]
  let state = engagement.evolve(engagement.initial(), first)
  for (const [n, each] of steps.entries()) {
    for (const event of asked(each, state, derivedId<'command'>(HERE, n))) {
      state = engagement.evolve(state, event)
      told.push({ event, authority: each.authority })
    }
  }
  return told
}

function asked(each: Step, state: Engagement, commandId: CommandId): readonly EngagementEvent[] {
  const actor = ACTORS[each.actor] ?? ada
  const command = { engagement: HERE, rights: rightsOf(actor, { commit: each.authority && actor !== irisAlone }), actor, at: AT, commandId }
  const objects = [...state.objects.keys()]
  const object = objects.at(-1 - (each.pick % objects.length)) ?? ''
  const expectedVersion = (state.objects.get(object)?.version ?? 0) + (each.right ? 0 : 1)
  try {
    if (each.verb === 'archive') return stored(archiveEngagement({ ...command, operator: each.authority }, state), commandId)
    if (each.verb === 'commit') return stored(commitMemory({ ...command, object, expectedVersion }, state), commandId)
    if (each.verb === 'retract') return stored(retractMemory({ ...command, object, reason: 'mistaken' }, state), commandId)
    const items = [newMemory(each, objects)]
    return stored(addMemory({ ...command, items, commit: each.verb === 'add_committed', foreign: new Map() }, state), commandId)
  } catch (error) {
    if (error instanceof Refusal) return []
    throw error
  }
}

function newMemory({ personal, seed, pick, other }: Step, objects: readonly string[]): NewMemory {
  const ref = (n: number) => ({ engagement: HERE, object: objects.at(-1 - (n % objects.length)) }) as Ref
  const around = { n: 0, class: personal ? 'personal' : 'operational', about: [], sources: pick % 3 === 0 ? [ref(other)] : [] } as const
  const supersedes = pick % 4 === 1 ? [{ ref: ref(other), why: 'refined' } as const] : []
  if (!seed) return { ...around, supersedes, type: 'assertion', plain: { kind: 'fact' }, sealed: { text: 'x' } }
  const sealed = { whatTheWorkIs: 'a', whoConsumesTheWork: 'b', voiceOfTheWork: 'c', constraints: [], successConditions: [], additionalAssertions: {} }
  return { ...around, supersedes, type: 'seed', plain: { initialContributors: [], initialAgents: [], shapeTypes: [], renderTypes: [] }, sealed }
}

/** With ids and hashes, as the store gives them. */
function stored(facts: readonly EngagementEvent[], commandId: string): readonly EngagementEvent[] {
  return facts.map((fact, n) => ({ ...fact, id: derivedId(commandId, n), hash: 'a'.repeat(64) }))
}

const histories = fc.record({ steps: fc.array(step, { minLength: 5, maxLength: 40 }), personal: fc.boolean() })

function always(name: string, holds: (told: readonly Told[]) => void): void {
  test(name, () =>
    fc.assert(
      fc.property(histories, ({ steps, personal }) => holds(historyOf(steps, personal ? openedFor(ada) : opened()))),
      RUNS,
    ),
  )
}

const dataOf = (event: EngagementEvent) => (event.type === 'EngagementVoided' || event.type === 'DisplayNumbersTaken' ? undefined : event.data)
const eventsOf = (told: readonly Told[], object: string) => told.filter(({ event }) => dataOf(event)?.object === object)
const objectsIn = (told: readonly Told[]) => new Set(told.flatMap(({ event }) => dataOf(event)?.object ?? []))

always('M-INV-2: the versions of an object are 1, 2, 3 without a gap', (told) => {
  for (const object of objectsIn(told))
    expect(eventsOf(told, object).map(({ event }) => dataOf(event)?.objectVersion)).toEqual(eventsOf(told, object).map((_, n) => n + 1))
})

always('M-INV-5: one seed is in force at most', (told) => {
  const active = new Set<string>()
  for (const { event } of told) {
    const data = dataOf(event)
    if (data?.objectType !== 'seed') continue
    if (event.type === 'MemoryCommitted') active.add(data.object)
    if (event.type === 'MemorySuperseded') active.delete(data.object)
  }
  expect(active.size).toBeLessThanOrEqual(1)
})

always('M-INV-6: every event says who, and a right given beforehand by its name', (told) => {
  for (const { event } of told)
    if (event.actor.kind === 'companion' && event.actor.approvalMode === 'pre_authorized') expect(event.actor.capabilityRef).toBeDefined()
})

always('M-INV-13: nothing becomes active without authority, and no agent commits its own', (told) => {
  for (const { event, authority } of told) {
    if (event.type !== 'MemoryCommitted') continue
    const born = eventsOf(told, event.data.object)[0]?.event
    if (born?.type !== 'MemoryAdded') throw new Error('only what was added is committed')
    const own = born.data.class === 'personal' && isPersonaOf(event.actor, born)
    expect(authority || own).toBe(true)
    expect(event.actor).not.toEqual(irisAlone)
    if (event.actor.kind === 'agent') expect(born.actor.id).not.toBe(event.actor.id)
    if (born.trust === 'untrusted') expect(event.actor.kind).toBe('person')
  }
})

always('M-INV-14: trust never rises along sources', (told) => {
  const trusts = new Map<string, Trust>()
  for (const { event } of told) {
    if (event.type === 'EngagementVoided' || event.type === 'DisplayNumbersTaken') continue
    if (event.type !== 'MemoryAdded') {
      trusts.set(event.data.object, trusts.get(event.data.object) ?? event.trust)
      continue
    }
    const below = event.data.sources.map(({ object }) => trusts.get(object) ?? 'untrusted')
    expect(lowestTrust([event.trust, ...below])).toBe(event.trust)
    trusts.set(event.data.object, event.trust)
  }
})

always('L.1: a lifetime moves only along the verbs: drafted, active, superseded, retracted', (told) => {
  const legal = {
    EngagementArchived: ['EngagementOpened'],
    MemoryCommitted: ['MemoryAdded'],
    MemorySuperseded: ['MemoryCommitted', 'MemoryRecorded'],
    MemoryRetracted: ['MemoryAdded', 'MemoryCommitted', 'MemorySuperseded'],
  }
  for (const object of objectsIn(told)) {
    const types = eventsOf(told, object).map(({ event }) => event.type)
    for (const [n, type] of types.slice(1).entries()) expect(legal[type as keyof typeof legal]).toContain(types[n])
  }
})

always('L.3, L.5: what is retracted says where it stays, and whose consent it has unless it was a draft', (told) => {
  for (const { event } of told) {
    if (event.type !== 'MemoryRetracted') continue
    const [born, ...rest] = eventsOf(told, event.data.object).map((each) => each.event)
    expect(event.data.preservedIn.event.eventId).toBe(born?.id)
    expect(event.data.consent === null).toBe(rest[0] === event)
    const consent = told.find((each) => each.event.id === event.data.consent?.eventId)?.event
    if (event.data.consent !== null && born?.type === 'MemoryAdded')
      expect(consent?.data).toMatchObject({ objectType: 'consent', payload: { by: born.data.binding.k === 'PersonalOnly' && born.data.binding.persona } })
  }
})

always('L.4: what ended something is what names it, and both stand in one append', (told) => {
  for (const [n, { event }] of told.entries()) {
    if (event.type !== 'MemorySuperseded') continue
    const successor = eventsOf(told, event.data.by.object)[0]?.event
    expect(successor?.type === 'MemoryAdded' && successor.data.supersedes.some(({ ref }) => ref.object === event.data.object)).toBe(true)
    const cause = told.slice(0, n).findLast((each) => each.event.type === 'MemoryCommitted')?.event
    expect(dataOf(cause ?? event)?.object).toBe(event.data.by.object)
  }
})

always('an engagement that was archived takes nothing but what somebody takes back of their own', (told) => {
  const after = told.slice(told.findIndex(({ event }) => event.type === 'EngagementArchived') + 1)
  if (after.length === told.length) return
  for (const { event } of after) {
    expect(event.type === 'MemoryRetracted' || (event.type === 'MemoryRecorded' && event.data.objectType === 'consent')).toBe(true)
    if (event.type !== 'MemoryRetracted') continue
    const born = eventsOf(told, event.data.object)[0]?.event
    expect(born?.type === 'MemoryAdded' && born.data.binding.k === 'PersonalOnly' && born.data.binding.persona.id).toBe(event.actor.id)
  }
})

always("G.3: what is personal is one persona's for ever, and in a personal engagement everything is its owner's", (told) => {
  const personal = told[0]?.event.type === 'EngagementOpened' && told[0].event.data.owner !== undefined
  for (const { event } of told) {
    if (event.type !== 'MemoryAdded' && event.type !== 'MemoryRecorded') continue
    expect(event.data.binding.k).toBe('PersonalOnly')
    if (personal) expect(event.data).toMatchObject({ owner: ada.id, binding: { persona: { kind: 'person', id: ada.id as PersonId } } })
  }
})

test('the histories are not empty: every verb happens, and some command is refused', () => {
  const kinds = new Set(
    fc
      .sample(histories, { numRuns: 50, seed: 7 })
      .flatMap(({ steps, personal }) => historyOf(steps, personal ? openedFor(ada) : opened()).map(({ event }) => event.type)),
  )
  expect([...kinds].sort()).toEqual([
    'EngagementArchived',
    'EngagementOpened',
    'MemoryAdded',
    'MemoryCommitted',
    'MemoryRecorded',
    'MemoryRetracted',
    'MemorySuperseded',
  ])
})

function isPersonaOf(actor: Actor, { data }: Extract<EngagementEvent, { type: 'MemoryAdded' }>): boolean {
  return data.binding.k === 'PersonalOnly' && data.binding.persona.id === actor.id
}
