import { expect, test } from 'vitest'
import { z } from 'zod'
import { Refusal, refusals, Terminal, unreachable } from './refusal.ts'

const refuse = refusals('memory', {
  wrong_state: { status: 409, says: 'Not in that state.', remedy: 'Read it again.', details: z.object({ lifetime: z.string() }) },
  busy: { status: 429, says: 'Busy.', remedy: 'Wait.', code: 'rate_limited' },
})

test('a refusal is told by area and name, with its status, its sentence, its remedy and its details', () => {
  expect(refuse.wrong_state({ lifetime: 'Active' })).toMatchObject({
    name: 'Refusal',
    code: 'memory.wrong_state',
    status: 409,
    message: 'Not in that state.',
    remedy: 'Read it again.',
    details: { lifetime: 'Active' },
    retryAfterS: undefined,
  })
  expect(refuse.wrong_state({ lifetime: 'Active' })).toBeInstanceOf(Refusal)
})

test('an entry may have a code of its own, and a time after which to come again', () => {
  expect(refuse.busy(undefined, 7)).toMatchObject({ code: 'rate_limited', retryAfterS: 7, details: {} })
})

test('a route lists a refusal by its code and entry, without making one', () => {
  expect(refuse.wrong_state.code).toBe('memory.wrong_state')
  expect(refuse.wrong_state.entry.status).toBe(409)
})

test('a case that the types say cannot be is a bug, not a refusal', () => {
  expect(() => unreachable('new state' as never)).toThrow(Terminal)
})
