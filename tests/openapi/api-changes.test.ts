// The gate of the API: what a client of the released document would feel is found, what only adds is let pass (docs/adr/0009).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type OpenApi, openApiOf, operation } from '@loomworks/service-kit'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { breakingChanges } from '../../tools/api-changes.ts'
import { repository } from '../architecture/tree.ts'

const TODAY = '2030-06-01'
const authz = { actors: ['person', 'agent'], scope: 'memory.write', object: 'engagement', relation: 'member', hide: true } as const
const Sent = z.strictObject({ text: z.string().max(100), kind: z.enum(['fact', 'wish']).optional(), at: z.union([z.string(), z.int()]).optional() })
const Told = z.object({ id: z.string(), state: z.enum(['open', 'done']), note: z.string().nullable(), parts: z.array(z.object({ n: z.int() })) })

const note = {
  post: '/engagements/:engagement/notes',
  id: 'note',
  summary: '',
  authz,
  params: z.object({ engagement: z.string() }),
  query: z.object({ dry: z.string().optional() }),
  body: Sent,
  reply: Told,
  refuses: [],
  answer: async () => ({ id: '', state: 'open' as const, note: null, parts: [] }),
}
const documentOf = (...operations: Parameters<typeof openApiOf>[0][number]['operations'][number][]): OpenApi => openApiOf([{ name: 'memory', operations }], '1')
const before = documentOf(operation(note))
const changed = (over: object) => breakingChanges(before, documentOf(operation({ ...note, ...over })), TODAY)

describe('is found:', () => {
  test.each<[string, object, RegExp]>([
    ['another id', { id: 'jot' }, /the id note became jot/],
    ['one kind of actor less', { authz: { ...authz, actors: ['person'] } }, /closed to agent/],
    ['another scope', { authz: { ...authz, scope: 'memory.erase' } }, /needs the scope memory\.erase/],
    ['a step-up', { authz: { ...authz, stepUp: 'any' } }, /needs a step-up/],
    ['a role', { authz: { ...authz, role: ['admin'] } }, /needs another role/],
    ['an Idempotency-Key that is needed', { limits: { idempotency: 'required' } }, /needs an Idempotency-Key/],
    ['a parameter that is gone', { query: z.object({}) }, /the parameter dry is gone/],
    ['a parameter that is needed', { query: z.object({ dry: z.string().optional(), why: z.string() }) }, /needs the parameter why/],
    ['a member that is needed', { body: Sent.extend({ why: z.string() }) }, /body\.why is needed/],
    ['a member that was free and is needed', { body: Sent.required({ kind: true }) }, /body\.kind is needed/],
    ['a member that is not taken any more', { body: Sent.omit({ kind: true }) }, /body\.kind is gone/],
    ['a shorter text', { body: Sent.extend({ text: z.string().max(99) }) }, /body\.text has a smaller maxLength/],
    ['a text that must be longer', { body: Sent.extend({ text: z.string().min(2).max(100) }) }, /body\.text has a larger minLength/],
    ['a text of a certain form', { body: Sent.extend({ text: z.string().max(100).regex(/^a/) }) }, /body\.text has another pattern/],
    ['another type', { body: Sent.extend({ text: z.int() }) }, /body\.text was string and is integer/],
    ['a word less', { body: Sent.extend({ kind: z.enum(['fact']).optional() }) }, /does not take wish any more/],
    ['a choice less', { body: Sent.extend({ at: z.string().optional() }) }, /body\.at no longer takes integer/],
    ['a body that is gone', { body: undefined }, /takes no body any more/],
    ['another success', { status: 201 }, /does not answer 200 any more/],
    ['a member that is not told any more', { reply: Told.omit({ note: true }) }, /200\.note is gone/],
    ['a member that is not always told', { reply: Told.partial({ id: true }) }, /200\.id is not always told any more/],
    ['a member of a list that is gone', { reply: Told.extend({ parts: z.array(z.object({})) }) }, /200\.parts\[\]\.n is gone/],
    ['null where there was none', { reply: Told.extend({ id: z.string().nullable() }) }, /200\.id tells null as it never was/],
    ['any word where there was a set', { reply: Told.extend({ state: z.string() }) }, /200\.state may be any word now/],
  ])('%s', (_what, over, says) => {
    const found = changed(over)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(says)
  })

  test('an operation that is gone', () => {
    expect(breakingChanges(before, documentOf(), TODAY)).toEqual([expect.stringMatching(/^POST \/engagements\/\{engagement\}\/notes is gone/)])
  })
})

describe('passes:', () => {
  test.each<[string, object]>([
    ['nothing', {}],
    ['one kind of actor more', { authz: { ...authz, actors: ['person', 'agent', 'companion'] } }],
    ['no scope', { authz: { ...authz, scope: undefined } }],
    ['a parameter more', { query: z.object({ dry: z.string().optional(), why: z.string().optional() }) }],
    ['a member more', { body: Sent.extend({ why: z.string().optional() }) }],
    ['a longer text', { body: Sent.extend({ text: z.string().max(200) }) }],
    ['a word more, sent', { body: Sent.extend({ kind: z.enum(['fact', 'wish', 'doubt']).optional() }) }],
    ['a choice more, sent', { body: Sent.extend({ at: z.union([z.string(), z.int(), z.null()]).optional() }) }],
    ['a member more, told', { reply: Told.extend({ more: z.string() }) }],
    ['a word more, told', { reply: Told.extend({ state: z.enum(['open', 'done', 'late']) }) }],
    ['null no more, told', { reply: Told.extend({ note: z.string() }) }],
    ['another success beside', { also: { 202: z.object({}) } }],
    ['a deprecation', { deprecated: { since: TODAY, sunset: '2031-01-01', instead: 'jot' } }],
  ])('%s', (_what, over) => {
    expect(changed(over)).toEqual([])
  })

  test('an operation more', () => {
    const jot = operation({ ...note, id: 'jot', post: '/engagements/:engagement/jots' })
    expect(breakingChanges(before, documentOf(operation(note), jot), TODAY)).toEqual([])
  })

  test('an operation that is gone when its sunset is past, and not a day before', () => {
    const marked = documentOf(operation({ ...note, deprecated: { since: '2029-01-01', sunset: TODAY, instead: 'jot' } }))
    expect(breakingChanges(marked, documentOf(), TODAY)).toEqual([])
    expect(breakingChanges(marked, documentOf(), '2030-05-31')).toHaveLength(1)
  })
})

test('the whole API is compared with what was released, and takes nothing away', () => {
  const read = (path: string) => JSON.parse(readFileSync(join(repository, path), 'utf8')) as OpenApi
  const [released, current] = [read('docs/api/released.json'), read('services/gateway/openapi.json')]
  expect(Object.keys(released.paths).length).toBeGreaterThan(50)
  expect(breakingChanges(current, current, TODAY)).toEqual([])
  expect(breakingChanges(released, current, new Date().toISOString().slice(0, 10))).toEqual([])
})
