import { specification } from '@loomworks/testing'
import { test } from 'vitest'
import { engagement } from '../evolve.ts'
import { ada, archived, bob, HERE, opened, openedFor, rightsOf, voided } from '../story.ts'
import { archiveEngagement } from './decide.ts'

const { given } = specification(engagement, archiveEngagement)
const asked = { engagement: HERE, operator: true, rights: rightsOf(ada), actor: ada }

test('an operator ends the work, whether it had begun or not', () => {
  given(opened(ada, { state: 'candidate' }))
    .when(asked)
    .then(archived(ada))
  given(opened(ada)).when(asked).then(archived(ada))
})

test('what has ended does not end again', () => given(opened(ada), archived(ada)).when(asked).refuses('memory.wrong_state'))

test('nobody but an operator ends it', () =>
  given(opened(ada))
    .when({ ...asked, operator: false })
    .refuses('memory.operator_required'))

test('a personal engagement is never over, and not there for others', () => {
  given(openedFor(ada)).when(asked).refuses('memory.personal_memory_only')
  given(openedFor(ada))
    .when({ ...asked, rights: rightsOf(bob), actor: bob })
    .refuses('memory.engagement_not_found')
})

test('what was never opened, or undone, is not there', () => {
  given().when(asked).refuses('memory.engagement_not_found')
  given(openedFor(ada), voided()).when(asked).refuses('memory.engagement_not_found')
})
