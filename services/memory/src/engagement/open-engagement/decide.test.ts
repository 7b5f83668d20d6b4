import { specification } from '@loomworks/testing'
import { expect, test } from 'vitest'
import { engagement } from '../evolve.ts'
import { ada, archived, HERE, iris, irisAlone, opened, rightsOf, scribe } from '../story.ts'
import { mayOpen, openEngagement } from './decide.ts'

const { given } = specification(engagement, openEngagement)
const asked = { engagement: HERE, title: 'Bread', visibility: 'private', number: 1000, rights: rightsOf(ada, { commit: true }), actor: ada } as const

test('who opens it is in it from this event on; the title is sealed', () => {
  const { id: _id, hash: _hash, ...first } = opened(ada, { state: 'candidate' })
  given()
    .when(asked)
    .then({ ...first, sealed: { title: 'Bread' } })
})

test('nothing is opened where something is', () => {
  given(opened(ada)).when(asked).refuses('memory.engagement_not_found')
  given(opened(ada), archived(ada)).when(asked).refuses('memory.engagement_not_found')
})

test('a person opens one, and their Companion when they said so; nobody beforehand, and no agent', () => {
  expect([ada, iris, irisAlone, scribe].map(mayOpen)).toEqual([true, true, false, false])
})
