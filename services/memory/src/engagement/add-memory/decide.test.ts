import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { type Actor, newId, type Trust } from '@loomworks/kernel'
import { specification } from '@loomworks/testing'
import { expect, test } from 'vitest'
import { engagement } from '../evolve.ts'
import {
  about,
  ada,
  added,
  bob,
  clerk,
  committed,
  HERE,
  iris,
  object,
  opened,
  openedFor,
  persona,
  rightsOf,
  type Story,
  scribe,
  seedRecorded,
  supersedes,
  voided,
} from '../story.ts'
import { type AddMemory, addMemory, HELD_QUOTA, type NewMemory, objectIdOf } from './decide.ts'

const { given } = specification(engagement, addMemory)
const commandId = newId<'command'>(0)

function claim(extra: Partial<NewMemory> = {}): NewMemory {
  return {
    n: 0,
    type: 'assertion',
    class: 'operational',
    plain: { kind: 'fact' },
    sealed: { text: 'tea' },
    sources: [],
    supersedes: [],
    about: [],
    ...extra,
  } as NewMemory
}

const SEALED = { whatTheWorkIs: 'a', whoConsumesTheWork: 'b', voiceOfTheWork: 'c', constraints: [], successConditions: [], additionalAssertions: {} }
function seed(extra: Partial<NewMemory> & { shapes?: boolean } = {}): NewMemory {
  const { shapes = false, ...rest } = extra
  const shapeTypes = shapes ? [{ key: 'memo', version: 1, sections: [] }] : []
  return claim({
    type: 'seed',
    plain: { initialContributors: [], initialAgents: [], shapeTypes, renderTypes: [] },
    sealed: SEALED,
    ...rest,
  } as Partial<NewMemory>)
}

function add(actor: Actor, items: readonly NewMemory[], extra: Partial<AddMemory> & { authority?: boolean } = {}) {
  const { authority = false, ...rest } = extra
  return {
    engagement: HERE,
    items,
    commit: false,
    rights: rightsOf(actor, { commit: authority }),
    foreign: new Map<string, Trust>(),
    actor,
    commandId,
    ...rest,
  }
}

const factsOf = (command: ReturnType<typeof add>, ...history: Story) =>
  addMemory({ at: '2030-01-02T03:04:05.678Z', ...command }, history.reduce(engagement.evolve, engagement.initial()))

test("a claim is held: a draft that is its persona's, with the next number, its text apart from what is plain", () => {
  const [fact] = factsOf(add(ada, [claim()]), opened(), added('earlier', bob))
  expect(fact).toMatchObject({
    type: 'MemoryAdded',
    actor: ada,
    trust: 'direct_user',
    sealed: { text: 'tea' },
    data: {
      object: objectIdOf(commandId, 0),
      objectVersion: 1,
      class: 'operational',
      binding: { k: 'PersonalOnly', persona: persona(ada) },
      payload: { kind: 'fact', displayNumber: 2 },
    },
  })
  expect(JSON.stringify(fact?.data)).not.toContain('tea')
})

test('a batch is numbered in its order, and committed in the same append where that is asked', () => {
  const facts = factsOf(add(ada, [claim(), claim({ n: 1 })], { commit: true, authority: true }), opened())
  expect(facts.map(({ type }) => type)).toEqual(['MemoryAdded', 'MemoryAdded', 'MemoryCommitted', 'MemoryCommitted'])
  expect(facts.slice(0, 2).map(({ data }) => 'payload' in data && data.payload)).toMatchObject([{ displayNumber: 1 }, { displayNumber: 2 }])
})

test('committing at once needs what a commit needs', () => {
  given(opened())
    .when(add(bob, [claim()], { commit: true }))
    .refuses('memory.commit_authority_required')
  given(opened())
    .when(add(scribe, [claim({ sources: [about('tea')] })], { commit: true, authority: true, foreign: new Map([[object('tea'), 'direct_user']]) }))
    .refuses('memory.self_commit_forbidden')
  given(opened())
    .when(add(scribe, [claim()], { commit: true, authority: true }))
    .refuses('memory.untrusted_needs_person')
})

test('two items of one append end no target twice, and bring no two seeds into force', () => {
  const both = [claim({ supersedes: [supersedes('old')] }), claim({ n: 1, supersedes: [supersedes('old')] })]
  given(opened(), added('old', ada), committed('old', ada))
    .when(add(ada, both, { commit: true, authority: true }))
    .refuses('memory.target_not_active')
  given(opened())
    .when(add(ada, [seed(), seed({ n: 1 })], { commit: true, authority: true }))
    .refuses('memory.target_not_active')
})

test.each<[string, Actor, Partial<NewMemory>, Trust]>([
  ['a person believes themselves', ada, {}, 'direct_user'],
  ['the Companion is a model', iris, {}, 'model_inference'],
  ['an agent without sources is not believed', scribe, {}, 'untrusted'],
  ['an agent is believed as a model where its sources are better', scribe, { sources: [about('hers')] }, 'model_inference'],
  ['nobody is believed more than their worst source', ada, { sources: [about('hers'), about('rumour')] }, 'untrusted'],
])('%s', (_, actor, extra, trust) => {
  const [fact] = factsOf(add(actor, [claim(extra)]), opened(), added('hers', ada), added('rumour', clerk, { trust: 'untrusted' }))
  expect(fact?.trust).toBe(trust)
})

test('a source that is not there, or personal to somebody else, is unknown; one of another engagement counts where it may be read', () => {
  given(opened())
    .when(add(ada, [claim({ sources: [about('nothing')] })]))
    .refuses('memory.sources_unknown')
  given(opened(), added('hers', ada, { class: 'personal' }))
    .when(add(bob, [claim({ sources: [about('hers')] })]))
    .refuses('memory.sources_unknown')
  const elsewhere = { engagement: WELL_KNOWN_ENGAGEMENTS.commons.id, object: object('there') }
  given(opened())
    .when(add(ada, [claim({ sources: [elsewhere] })]))
    .refuses('memory.sources_unknown')
  expect(factsOf(add(ada, [claim({ sources: [elsewhere] })], { foreign: new Map([[elsewhere.object, 'tool_internal']]) }), opened())[0]?.trust).toBe(
    'tool_internal',
  )
})

test('what is to be superseded is in the same engagement', () => {
  given(opened())
    .when(add(ada, [claim({ supersedes: [supersedes('nothing')] })]))
    .refuses('memory.sources_unknown')
  const elsewhere = { ref: { engagement: WELL_KNOWN_ENGAGEMENTS.commons.id, object: object('old') }, why: 'refined' } as const
  given(opened(), added('old', ada))
    .when(add(ada, [claim({ supersedes: [elsewhere] })]))
    .refuses('memory.sources_unknown')
})

test('an agent writes operational memory only', () =>
  given(opened())
    .when(add(scribe, [claim({ class: 'personal' })]))
    .refuses('memory.personal_needs_person'))

test("a personal engagement is its owner's and the Companion's, for memory alone", () => {
  expect(factsOf(add(iris, [claim()]), openedFor(ada))[0]?.data).toMatchObject({ owner: ada.id })
  given(openedFor(ada))
    .when(add(bob, [claim()]))
    .refuses('memory.engagement_not_found')
  given(openedFor(ada))
    .when(add(scribe, [claim()]))
    .refuses('memory.engagement_not_found')
  given(openedFor(ada))
    .when(add(ada, [seed({ shapes: true })]))
    .refuses('memory.personal_memory_only')
})

test('a new seed ends the one in force, whether it says so or not', () => {
  const facts = factsOf(add(ada, [seed()], { commit: true, authority: true }), opened(), seedRecorded('one', ada))
  expect(facts.map(({ type }) => type)).toEqual(['MemoryAdded', 'MemoryCommitted', 'MemorySuperseded'])
  expect(facts[0]?.data).toMatchObject({ supersedes: [{ ref: about('one') }], payload: { seedVersion: 2 } })
})

test('the administrative engagement takes no seed', () =>
  given(opened())
    .when({ ...add(ada, [seed()]), engagement: WELL_KNOWN_ENGAGEMENTS.administrative.id })
    .refuses('memory.type_not_addable'))

test('a persona has a thousand unsettled drafts in an engagement at most', () => {
  const drafts = Array.from({ length: HELD_QUOTA - 1 }, (_, n) => added(`draft ${n}`, ada))
  expect(factsOf(add(ada, [claim()]), opened(), ...drafts)).toHaveLength(1)
  given(opened(), ...drafts)
    .when(add(ada, [claim(), claim({ n: 1 })]))
    .refuses('memory.held_quota_exceeded')
  expect(factsOf(add(ada, [claim(), claim({ n: 1 })]), opened(), ...drafts, committed('draft 0', ada))).toHaveLength(2)
  expect(factsOf(add(bob, [claim(), claim({ n: 1 })]), opened(), ...drafts)).toHaveLength(2)
})

test('nothing is added where nothing was opened, where it was undone, and where it is archived', () => {
  given()
    .when(add(ada, [claim()]))
    .refuses('memory.engagement_not_found')
  given(openedFor(ada), voided())
    .when(add(ada, [claim()]))
    .refuses('memory.engagement_not_found')
  given(opened(ada, { state: 'archived' }))
    .when(add(ada, [claim()]))
    .refuses('memory.engagement_not_writable')
})
