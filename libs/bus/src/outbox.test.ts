import { PersonActivated } from '@loomworks/contracts'
import { derivedId, Terminal } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { outboxRowOf } from './outbox.ts'
import { laneOf } from './port.ts'

const CAUSE = '0d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27'
const stating = {
  at: '2030-01-02T03:04:05.678Z',
  actor: { kind: 'service', id: 'signup' },
  correlationId: CAUSE,
  causationId: CAUSE,
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
} as const
const data = PersonActivated.schema.parse(PersonActivated.sample)
const entity = PersonActivated.entity(data)

test('a fact leaves under the subject of its entity and lane, with an id made of its cause and type', () => {
  const row = outboxRowOf({ type: PersonActivated, data, cause: CAUSE, revision: 3, prevRevision: 1, stream: `person-${entity}` }, stating)
  expect(row).toMatchObject({
    id: derivedId(CAUSE, 'PersonActivated'),
    entityId: entity,
    revision: 3n,
    stream: `person-${entity}`,
    subject: `evt.identity.${laneOf(entity)}.${entity}.PersonActivated`,
  })
  expect(JSON.parse(row.data)).toEqual({ type: 'PersonActivated', v: PersonActivated.v, ...stating, entity, revision: 3, prevRevision: 1, data })
})

test('the same cause gives the same message, whenever it is stated; another cause another', () => {
  const id = (cause: string, at: string) => outboxRowOf({ type: PersonActivated, data, cause }, { ...stating, at }).id
  expect(id(CAUSE, '2031-01-01T00:00:00.000Z')).toBe(id(CAUSE, stating.at))
  expect(id(entity, stating.at)).not.toBe(id(CAUSE, stating.at))
})

test('a fact that says nothing of revisions has none on the wire', () => {
  expect(Object.keys(JSON.parse(outboxRowOf({ type: PersonActivated, data, cause: CAUSE }, stating).data))).not.toContain('revision')
})

test('a fact that does not fit its own schema is a bug, found where it is stated', () => {
  const wrong = () => outboxRowOf({ type: PersonActivated, data: { ...data, personId: 'ada' }, cause: CAUSE }, stating)
  expect(wrong).toThrow(Terminal)
})
