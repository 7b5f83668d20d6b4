import { reserveGrant, stepMessage } from '@loomworks/contracts'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { checkDefinitions } from './check-definition.ts'
import { type AnySaga, anySaga, type Step } from './definition.ts'
import { SAGA_EVENT_SAMPLES, SagaFact } from './events.ts'
import { parallelSaga } from './simulation/sagas.ts'

const good = anySaga(parallelSaga)
const stepOf = (id: string): Step => good.steps[id] ?? expect.fail(`no step ${id}`)

test('the signup keeps every rule', () => {
  expect(() => checkDefinitions([good, { ...good, version: 2 }])).not.toThrow()
})

const many = Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`s${n}`, stepOf('reserve')]))
const private_ = stepMessage({
  service: 'credit',
  step: 'reserve',
  do: z.strictObject({ email: z.string().meta({ pii: true }) }),
  done: z.strictObject({}),
  undo: z.strictObject({}),
  fails: {},
  sample: { do: { email: '' }, done: {}, undo: {} },
})
const greedy = { ...reserveGrant, undo: z.strictObject({ unheardOf: z.string() }) }
const { undo: _undo, ...withoutUndo } = reserveGrant

test.for<[string, AnySaga[], RegExp]>([
  ['a cycle', [altered({ reserve: { after: ['activate'] } })], /cycle/],
  ['no pivot', [without('activate', { confirm: { after: [] } })], /pivot/],
  ['two pivots', [altered({ induct: { pivot: true } })], /2 pivots/],
  [
    'a step before the pivot that cannot be undone',
    [altered({ reserve: { message: withoutUndo } })],
    /reserve before the pivot with neither undo nor readOnly/,
  ],
  ['an undo after the pivot', [altered({ confirm: { message: { ...reserveGrant, step: 'confirm' } } })], /undo of confirm/],
  ['a pivot beside an earlier step', [altered({ activate: { after: ['induct'] } })], /commonsJoin/],
  ['more than 32 steps', [{ ...good, steps: many }], /32/],
  ['a step id with a dot', [{ ...good, steps: { 'a.b': stepOf('reserve') } }], /a\.b/],
  ['a field of a message that is marked pii', [altered({ reserve: { message: private_ } })], /pii/],
  ['an undo that asks for what its do never knew', [altered({ reserve: { message: greedy } })], /more than its do knew/],
  ['two sagas on one stream prefix', [good, { ...good, name: 'claim' }], /stream prefix/],
])('a definition with %s is refused, and the rule is named', ([, definitions, rule]) => {
  expect(() => checkDefinitions(definitions)).toThrow(expect.objectContaining({ code: 'saga.definition_invalid', message: expect.stringMatching(rule) }))
})

test('the golden sample of every event of a saga stream still parses to itself', () => {
  expect(SAGA_EVENT_SAMPLES.map((sample) => SagaFact.parse(sample))).toEqual(SAGA_EVENT_SAMPLES)
  expect(new Set(SAGA_EVENT_SAMPLES.map(({ type }) => type)).size).toBe(SagaFact.options.length)
})

function altered(changes: Readonly<Record<string, object>>): AnySaga {
  const steps = Object.entries(good.steps).map(([id, each]) => [id, { ...each, ...changes[id] }])
  return { ...good, steps: Object.fromEntries(steps) }
}

function without(left: string, changes: Readonly<Record<string, object>>): AnySaga {
  const { [left]: _gone, ...steps } = altered(changes).steps
  return { ...good, steps }
}
