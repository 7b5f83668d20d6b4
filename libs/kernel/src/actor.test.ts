import { describe, expect, test } from 'vitest'
import { Actor, actorFromCompanion, actorFromPerson, actorFromService, CapabilityRef, displayOf } from './actor.ts'
import { newId, type PersonId } from './ids.ts'

const ada: PersonId = newId()

test('person, companion, agent and service are actors', () => {
  for (const actor of [
    actorFromPerson(ada),
    actorFromCompanion(ada, { approvalMode: 'explicit' }),
    { kind: 'agent', id: newId(), instructionVersion: 1 },
    actorFromService('signup'),
  ])
    expect(Actor.parse(actor)).toEqual(actor)
})

test('who acts without being asked says by what right', () => {
  expect(Actor.safeParse(actorFromCompanion(ada, { approvalMode: 'pre_authorized' })).success).toBe(false)
  const capabilityRef = `delegation:${newId()}@3`
  expect(Actor.parse(actorFromCompanion(ada, { approvalMode: 'pre_authorized', capabilityRef }))).toMatchObject({ capabilityRef })
})

describe('is no actor:', () => {
  test.each([
    ['a person with a name', { kind: 'person', id: ada, name: 'Ada' }],
    ['an agent without its instruction version', { kind: 'agent', id: ada }],
    ['a service nobody knows', { kind: 'service', id: 'billing' }],
    ['a person without an id', { kind: 'person', id: 'ada' }],
    ['another kind', { kind: 'contributor', id: ada }],
  ])('%s', (_what, actor) => {
    expect(Actor.safeParse(actor).success).toBe(false)
  })
})

test('a right is a membership, a connection, or a version of a delegation', () => {
  const id = newId()
  for (const right of [`membership:${id}`, `connection:${id}`, `delegation:${id}@1`, `delegation:${id}@120`])
    expect(CapabilityRef.safeParse(right).success, right).toBe(true)
  for (const wrong of [`delegation:${id}`, `delegation:${id}@0`, `membership:${id}@1`, 'membership:me', `role:${id}`, ''])
    expect(CapabilityRef.safeParse(wrong).success, wrong).toBe(false)
})

test('names are joined when somebody reads; a person without a name any more is someone', () => {
  const names = { displayName: 'Ada', companionName: 'Iris' }
  expect(displayOf(actorFromPerson(ada), names)).toBe('Ada')
  expect(displayOf(actorFromCompanion(ada, { approvalMode: 'explicit' }), names)).toBe('Iris')
  expect(displayOf(actorFromPerson(ada), { displayName: null, companionName: null })).toBe('someone')
  expect(displayOf(actorFromCompanion(ada, { approvalMode: 'explicit' }), undefined)).toBe('Companion')
  expect(displayOf(actorFromService('signup'), undefined)).toBe('signup')
})
