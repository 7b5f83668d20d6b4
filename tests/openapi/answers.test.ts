// The comparison that ends a whole run of the tests: what the operations declare, and what they were seen to answer.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { refusals } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { answersIn, compared } from '../../tools/answers.ts'

const refuse = refusals('bread', { burnt: { status: 409, says: 'It is burnt.', remedy: 'Bake another one.' } })
const bake = operation({
  post: '/engagements/:engagement/bread',
  id: 'bake',
  summary: '',
  authz: { actors: ['person'], scope: 'memory.write', object: 'engagement', relation: 'member', hide: true },
  params: z.object({ engagement: z.string() }),
  reply: z.object({}),
  also: { 202: z.object({}) },
  refuses: [refuse.burnt, shared.not_found],
  answer: async () => ({}),
})
const whole = ['bake 200 -', 'bake 202 -', 'bake 409 bread.burnt', 'bake 404 not_found']

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lw-answers-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Each list is what one process noted. */
function seen(...processes: readonly (readonly string[])[]) {
  for (const [pid, lines] of processes.entries()) writeFileSync(join(folder, String(pid)), lines.map((line) => `${line}\n`).join(''))
  return compared([bake], answersIn(folder))
}

test('all that was declared was answered, in whatever process', () => {
  expect(seen(whole.slice(0, 2), whole.slice(1))).toEqual({ neverAnswered: [], neverDeclared: [] })
})

test.each(whole)('%s is missed where nobody got it', (missed) => {
  expect(seen(whole.filter((line) => line !== missed))).toEqual({ neverAnswered: [missed], neverDeclared: [] })
})

test('nothing was answered at all', () => {
  expect(seen().neverAnswered).toEqual(whole)
})

test('an answer that is not declared is told; one that all operations of its kind share is not, nor what services say to each other', () => {
  const stray = ['bake 204 -', 'bake 409 bread.stale', 'bake 410 bread.burnt', 'bake 403 auth.role_missing']
  const common = ['bake 403 auth.scope_missing', 'bake 503 dependency_down', 'bake 401 internal_token_invalid']
  expect(seen([...whole, ...stray, ...common])).toEqual({ neverAnswered: [], neverDeclared: stray.toSorted() })
})

test('what a test’s own operation answers says nothing', () => {
  expect(seen([...whole, 'knead 418 bread.teapot'])).toEqual({ neverAnswered: [], neverDeclared: [] })
})
