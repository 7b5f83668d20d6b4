import { specification } from '@loomworks/testing'
import { test } from 'vitest'
import { engagement } from '../evolve.ts'
import {
  ada,
  added,
  bob,
  clerk,
  committed,
  HERE,
  iris,
  irisAlone,
  object,
  opened,
  openedFor,
  retracted,
  rightsOf,
  scribe,
  seedAdded,
  seedRecorded,
  superseded,
  supersedes,
  voided,
} from '../story.ts'
import { type CommitMemory, commitMemory } from './decide.ts'

const { given } = specification(engagement, commitMemory)

/** The order of somebody: with commit authority unless it is said otherwise. */
function commit(
  name: string,
  actor: typeof ada,
  { version = 1, commit: authority = true }: { version?: number; commit?: boolean } = {},
): CommitMemory & { actor: typeof ada } {
  return { engagement: HERE, object: object(name), expectedVersion: version, rights: rightsOf(actor, { commit: authority }), actor }
}

test('a draft that is committed is held true', () => given(opened(), added('tea', ada)).when(commit('tea', ada)).then(committed('tea', ada)))

test('a commit ends what the draft supersedes, in the same append', () =>
  given(opened(), added('old', ada), committed('old', ada), added('new', scribe, { supersedes: [supersedes('old')] }))
    .when(commit('new', ada))
    .then(committed('new', ada), superseded('old', ada, 'new')))

test('one commits what one has read', () =>
  given(opened(), added('tea', ada))
    .when(commit('tea', ada, { version: 2 }))
    .refuses('memory.version_conflict'))

test('what is active cannot be committed again', () =>
  given(opened(), added('tea', ada), committed('tea', ada))
    .when(commit('tea', ada, { version: 2 }))
    .refuses('memory.wrong_state'))

test('what is retracted cannot be committed', () =>
  given(opened(), added('tea', ada), retracted('tea', ada, { version: 2, consent: null }))
    .when(commit('tea', ada, { version: 2 }))
    .refuses('memory.wrong_state'))

test('the engagement itself was never a draft', () =>
  given(opened())
    .when({ ...commit('x', ada), object: HERE })
    .refuses('memory.wrong_state'))

test('what is not there cannot be committed', () => given(opened()).when(commit('tea', ada)).refuses('memory.object_not_found'))

test('a contributor needs authority', () =>
  given(opened(), added('tea', bob))
    .when(commit('tea', bob, { commit: false }))
    .refuses('memory.commit_authority_required'))

test('what is personal its persona commits without authority, themselves or by their Companion with approval', () => {
  const history = [opened(), added('tea', ada, { class: 'personal' })] as const
  given(...history)
    .when(commit('tea', ada, { commit: false }))
    .then(committed('tea', ada))
  given(...history)
    .when(commit('tea', iris, { commit: false }))
    .then(committed('tea', iris))
  given(...history)
    .when(commit('tea', irisAlone, { commit: false }))
    .refuses('memory.commit_authority_required')
})

test('what is personal is not there for an operator', () =>
  given(opened(), added('tea', ada, { class: 'personal' }))
    .when(commit('tea', bob))
    .refuses('memory.object_not_found'))

test('an agent cannot commit what it wrote itself; another may', () => {
  const history = [opened(), added('claim', scribe, { trust: 'model_inference' })] as const
  given(...history)
    .when(commit('claim', scribe))
    .refuses('memory.self_commit_forbidden')
  given(...history)
    .when(commit('claim', clerk))
    .then(committed('claim', clerk, { trust: 'model_inference' }))
})

test.each([scribe, iris])('what is untrusted only a person commits', (actor) => {
  const history = [opened(), added('rumour', clerk, { trust: 'untrusted' })] as const
  given(...history)
    .when(commit('rumour', actor))
    .refuses('memory.untrusted_needs_person')
  given(...history)
    .when(commit('rumour', ada))
    .then(committed('rumour', ada, { trust: 'untrusted' }))
})

test('a target that is no longer active stops the commit', () =>
  given(
    opened(),
    added('old', ada),
    committed('old', ada),
    added('b', ada, { supersedes: [supersedes('old')] }),
    added('c', ada, { supersedes: [supersedes('old')] }),
    committed('b', ada),
    superseded('old', ada, 'b'),
  )
    .when(commit('c', ada))
    .refuses('memory.target_not_active'))

test('nobody ends what is personal to somebody else', () =>
  given(opened(), added('hers', ada, { class: 'personal' }), committed('hers', ada), added('his', bob, { supersedes: [supersedes('hers')] }))
    .when(commit('his', bob))
    .refuses('memory.target_not_active'))

test('a claim ends no seed', () =>
  given(opened(), seedRecorded('seed', ada), added('claim', ada, { supersedes: [supersedes('seed')] }))
    .when(commit('claim', ada))
    .refuses('memory.target_not_active'))

test('a seed ends the one in force; one that was drafted before another came is refused', () => {
  given(opened(), seedRecorded('one', ada), seedAdded('two', ada, [supersedes('one')]))
    .when(commit('two', ada))
    .then(committed('two', ada, { type: 'seed' }), superseded('one', ada, 'two', { version: 2, type: 'seed' }))
  given(opened(), seedAdded('first', ada), seedAdded('second', ada), committed('first', ada, { type: 'seed' }))
    .when(commit('second', ada))
    .refuses('memory.target_not_active')
})

test('in a personal engagement there is nobody but its owner', () => {
  given(openedFor(ada), added('tea', ada)).when(commit('tea', ada)).then(committed('tea', ada))
  given(openedFor(ada), added('tea', ada)).when(commit('tea', bob)).refuses('memory.engagement_not_found')
  given(openedFor(ada), added('tea', ada)).when(commit('tea', scribe)).refuses('memory.engagement_not_found')
})

test('nothing is committed where nothing was opened, where it was undone, and where it is suspended', () => {
  given().when(commit('tea', ada)).refuses('memory.engagement_not_found')
  given(openedFor(ada), added('tea', ada), voided()).when(commit('tea', ada)).refuses('memory.engagement_not_found')
  given(opened(ada, { state: 'suspended' }), added('tea', ada))
    .when(commit('tea', ada))
    .refuses('memory.engagement_not_writable')
})
