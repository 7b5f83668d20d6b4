import { Refusal, refusals, Terminal, Transient } from '@loomworks/kernel'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { invalidBody, Problem, problemOf, refusalOf } from './problem.ts'
import { shared } from './shared-refusals.ts'

const where = { instance: '/engagements/e1', requestId: 'r1' }
const refuse = refusals('memory', {
  version_conflict: { status: 409, says: 'It changed.', remedy: 'Read it again.', details: z.object({ currentVersion: z.int() }) },
})

test('a refusal becomes a problem with all its members, details beside them in snake case', () => {
  const problem = problemOf(refuse.version_conflict({ currentVersion: 3 }), where)
  expect(problem).toEqual({
    type: 'urn:loomworks:error:memory.version_conflict',
    title: 'It changed.',
    status: 409,
    detail: 'Read it again.',
    instance: '/engagements/e1',
    code: 'memory.version_conflict',
    request_id: 'r1',
    current_version: 3,
  })
  expect(Problem.parse(problem)).toMatchObject({ code: 'memory.version_conflict' })
})

test('no detail stands in for a standard member', () => {
  const sly = new Refusal({ code: 'a.b', status: 409, says: 's', remedy: 'r', details: { status: 200, code: 'ok', requestId: 'x' } })
  expect(problemOf(sly, where)).toMatchObject({ status: 409, code: 'a.b', request_id: 'r1' })
})

describe('an error is seen by the client as', () => {
  const framework = (code: string, statusCode: number) => Object.assign(new Error('said by the framework'), { code, statusCode })

  test.each<[unknown, number, string]>([
    [shared.not_found(), 404, 'not_found'],
    [new Transient('the database is away at 10.0.0.1'), 503, 'dependency_down'],
    [new Terminal('schema', 'row 7 is broken'), 500, 'internal'],
    [new Error('secret detail'), 500, 'internal'],
    ['thrown text', 500, 'internal'],
    [undefined, 500, 'internal'],
    [framework('FST_ERR_CTP_BODY_TOO_LARGE', 413), 413, 'body_too_large'],
    [framework('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415), 415, 'media_type'],
    [framework('FST_ERR_BAD_URL', 400), 400, 'malformed_request'],
    [framework('FST_ERR_SOMETHING_NEW', 400), 400, 'malformed_request'],
    [framework('FST_ERR_REP_ALREADY_SENT', 500), 500, 'internal'],
  ])('%s: %i %s', (error, status, code) => {
    const problem = problemOf(refusalOf(error), where)
    expect(problem).toMatchObject({ status, code })
    expect(JSON.stringify(problem)).not.toMatch(/secret|10\.0\.0\.1|row 7|thrown|framework/)
  })

  test('something to come back for, where it passes', () => {
    expect(refusalOf(new Transient('away')).retryAfterS).toBe(1)
  })
})

test('a failed parse names places by JSON pointers and repeats nothing the client sent', () => {
  const schema = z.strictObject({ 'a/b~c': z.string(), list: z.array(z.int()) })
  const { error } = schema.safeParse({ 'a/b~c': 1, list: [1, 'secret'], more: 'secret', least: 1 })
  if (error === undefined) throw new Error('parsed')
  const refusal = invalidBody(error, 'body')
  expect(refusal).toMatchObject({ code: 'invalid_body', status: 422 })
  const { errors } = refusal.details as { errors: { pointer: string; code: string }[] }
  expect(errors.map(({ pointer }) => pointer).sort()).toEqual(['/a~1b~0c', '/least', '/list/1', '/more'])
  expect(JSON.stringify(errors)).not.toContain('secret')
  expect((invalidBody(error, 'query').details as { errors: { pointer: string }[] }).errors[0]?.pointer).toMatch(/^\/query\//)
})

test('the codes shared by all services have no dot but where an area owns them, and every status is an error', () => {
  for (const [name, { code, entry }] of Object.entries(shared)) {
    expect(code.replace(/^(?:auth|idempotency)\./, ''), name).toMatch(/^[a-z_]+$/)
    expect(entry.status).toBeGreaterThanOrEqual(400)
    expect(entry.says).toMatch(/\.$/)
    expect(entry.remedy).toMatch(/\.$/)
  }
})
