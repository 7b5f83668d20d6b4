import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { specification } from '@loomworks/testing'
import { test } from 'vitest'
import type { EventOf } from '../events.ts'
import { engagement } from '../evolve.ts'
import { takeNumbers } from './decide.ts'

const { given } = specification(engagement, takeNumbers)

test('the first block begins where the deployment says', () => given().when({ start: 1000, count: 1 }).then(taken(1000, 1000)))

test('the next one begins behind it, also where blocks are larger now', () =>
  given(taken(1000, 1000)).when({ start: 1000, count: 256 }).then(taken(1001, 1256)))

test('a later start leaves a gap, an earlier one gives nothing twice', () => {
  given(taken(1000, 1255)).when({ start: 5000, count: 1 }).then(taken(5000, 5000))
  given(taken(1000, 1255)).when({ start: 1, count: 1 }).then(taken(1256, 1256))
})

function taken(from: number, to: number): EventOf<'DisplayNumbersTaken'> {
  const data = { engagement: WELL_KNOWN_ENGAGEMENTS.administrative.id, from, to }
  return { type: 'DisplayNumbersTaken', actor: { kind: 'service', id: 'memory' }, trust: 'tool_internal', data }
}
