import { type Actor, type CommandId, derivedId, newId } from '@loomworks/kernel'
import { specification } from '@loomworks/testing'
import { expect, test } from 'vitest'
import type { EventOf } from '../events.ts'
import { engagement } from '../evolve.ts'
import {
  about,
  ada,
  added,
  bob,
  committed,
  HERE,
  iris,
  object,
  opened,
  openedFor,
  persona,
  retracted,
  rightsOf,
  scribe,
  seedAdded,
  seedRecorded,
  stored,
  superseded,
  supersedes,
  voided,
} from '../story.ts'
import { streamOf } from '../stream.ts'
import { type RetractMemory, retractMemory } from './decide.ts'

const { given } = specification(engagement, retractMemory)
const commandId = newId<'command'>(0) as CommandId
const at = '2030-01-02T03:04:05.678Z'

function retract(name: string, actor: Actor, extra: Partial<RetractMemory> & { commit?: boolean } = {}) {
  const { commit = false, ...rest } = extra
  return { engagement: HERE, object: object(name), reason: 'mistaken', rights: rightsOf(actor, { commit }), actor, commandId, at, ...rest } as const
}

/** The consent of whoever retracts what is theirs. */
function consented(name: string, by: Actor, version: number): EventOf<'MemoryRecorded'> {
  const payload = { by: persona(by), decision: 'granted', covers: 'retract', target: [{ ...about(name), version }], method: 'session', at } as const
  const born = { engagement: HERE, object: derivedId<'object'>(commandId, 'object', 0), objectVersion: 1, class: 'operational' } as const
  const binding = { k: 'PersonalOnly', persona: persona(by) } as const
  const data = { ...born, objectType: 'consent', binding, sources: [], supersedes: [], about: [], payload } as const
  return {
    type: 'MemoryRecorded',
    actor: by,
    trust: by.kind === 'person' ? 'direct_user' : 'model_inference',
    data: { ...data, sources: [], supersedes: [], about: [], payload: { ...payload, target: [...payload.target] } },
  }
}

const consent = derivedId(commandId, 0)

test('a persona that takes its own memory back consents by doing so, before it in the same append', () =>
  given(opened(), added('tea', ada), committed('tea', ada))
    .when(retract('tea', ada))
    .then(consented('tea', ada, 2), retracted('tea', ada, { version: 3, consent })))

test('an agent takes back what is its own', () =>
  given(opened(), added('claim', scribe, { trust: 'model_inference' }), committed('claim', ada))
    .when(retract('claim', scribe))
    .then(consented('claim', scribe, 2), { ...retracted('claim', scribe, { version: 3, consent }), trust: 'model_inference' }))

test('a draft is taken back without consent, by its author, the Companion, or whoever has authority', () => {
  const history = [opened(), added('tea', ada)] as const
  for (const [actor, commit] of [
    [ada, false],
    [iris, false],
    [bob, true],
  ] as const)
    given(...history)
      .when(retract('tea', actor, { commit }))
      .then(retracted('tea', actor, { version: 2, consent: null }))
  given(...history)
    .when(retract('tea', bob))
    .refuses('memory.commit_authority_required')
})

test.each([
  ['an operator', bob],
  ['the Companion, also with approval', iris],
])('%s cannot consent for a person', (_, actor) =>
  given(opened(), added('tea', ada), committed('tea', ada))
    .when(retract('tea', actor, { commit: true }))
    .refuses('memory.consent_required'),
)

test('what was superseded can be taken back, what was taken back cannot', () => {
  given(
    opened(),
    added('old', ada),
    committed('old', ada),
    added('new', ada, { supersedes: [supersedes('old')] }),
    committed('new', ada),
    superseded('old', ada, 'new'),
  )
    .when(retract('old', ada))
    .then(consented('old', ada, 3), retracted('old', ada, { version: 4, consent }))
  given(opened(), added('tea', ada), retracted('tea', ada, { version: 2, consent: null }))
    .when(retract('tea', ada))
    .refuses('memory.wrong_state')
})

test('engagement, seed in force and consent stay; a seed that is only a draft does not', () => {
  given(opened())
    .when({ ...retract('x', ada), object: HERE })
    .refuses('memory.type_not_retractable')
  given(opened(), seedRecorded('seed', ada)).when(retract('seed', ada)).refuses('memory.type_not_retractable')
  given(opened(), consented('tea', ada, 2))
    .when({ ...retract('x', ada), object: derivedId(commandId, 'object', 0) })
    .refuses('memory.type_not_retractable')
  const draft = retracted('draft', ada, { version: 2, consent: null })
  given(opened(), seedAdded('draft', ada))
    .when(retract('draft', ada))
    .then({ ...draft, data: { ...draft.data, objectType: 'seed' } })
})

test('a stated version must be the one that stands', () =>
  given(opened(), added('tea', ada))
    .when(retract('tea', ada, { expectedVersion: 7 }))
    .refuses('memory.version_conflict'))

test('a stated place is where the content can be read back, or it is refused', () => {
  const { id, hash } = stored('tea')
  const there = { k: 'log', event: { stream: streamOf(HERE), eventId: id }, hash } as const
  given(opened(), added('tea', ada))
    .when(retract('tea', ada, { preservedIn: there }))
    .then(retracted('tea', ada, { version: 2, consent: null }))
  for (const elsewhere of [
    { ...there, hash: 'f'.repeat(64) },
    { ...there, event: { ...there.event, eventId: newId(0) } },
  ])
    given(opened(), added('tea', ada))
      .when(retract('tea', ada, { preservedIn: elsewhere }))
      .refuses('memory.location_unreachable')
})

test('what is not there, or personal to somebody else, is not found', () => {
  given(opened()).when(retract('tea', ada)).refuses('memory.object_not_found')
  given(opened(), added('tea', ada, { class: 'personal' }))
    .when(retract('tea', bob, { commit: true }))
    .refuses('memory.object_not_found')
  given(openedFor(ada), added('tea', ada)).when(retract('tea', bob)).refuses('memory.engagement_not_found')
  given(openedFor(ada), added('tea', ada), voided()).when(retract('tea', ada)).refuses('memory.engagement_not_found')
})

test("in a personal engagement the consent is its owner's too, and says so", () => {
  const facts = retractMemory(retract('tea', ada), [openedFor(ada), added('tea', ada), committed('tea', ada)].reduce(engagement.evolve, engagement.initial()))
  expect(facts[0]?.data).toMatchObject({ objectType: 'consent', owner: ada.id })
})
