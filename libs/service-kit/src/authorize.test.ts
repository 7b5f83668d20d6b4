import { type Actor, newId } from '@loomworks/kernel'
import { fakeClock } from '@loomworks/testing'
import { describe, expect, test } from 'vitest'
import { actorClassOf, authorize } from './authorize.ts'
import type { Authz } from './operation.ts'
import type { Itk } from './token.ts'
import { claimsAt } from './token-bench.ts'

const clock = fakeClock()
const now = Math.floor(clock.now() / 1000)
const authz = (over: Partial<Authz> = {}): Authz => ({
  actors: ['person'],
  scope: 'memory.read',
  object: 'engagement',
  relation: 'member',
  hide: true,
  ...over,
})
const token = (over: Partial<Itk> = {}): Itk => ({ ...claimsAt(clock), ...over })
const person = newId<'person'>()
const actors: Record<string, Actor> = {
  person: { kind: 'person', id: person },
  companion: { kind: 'companion', id: person, approvalMode: 'explicit' },
  agent: { kind: 'agent', id: newId(), instructionVersion: 1 },
  service: { kind: 'service', id: 'audit' },
  anonymous: { kind: 'service', id: 'gateway' },
}

function judged(rule: Authz, bearer: Itk): string {
  try {
    authorize(rule, bearer, clock.now())
    return 'passes'
  } catch (error) {
    return (error as { code: string }).code
  }
}

test.each(Object.entries(actors))('%s is told from the token', (kind, act) => {
  expect(actorClassOf(token({ act }))).toBe(kind)
})

describe('in this order:', () => {
  const nothing = { scope: '', account: 'suspended' } as const

  test('the kind of actor; without anybody it is who asks that is missing', () => {
    expect(judged(authz({ stepUp: 'any' }), token({ ...nothing, act: actors.agent as Actor }))).toBe('auth.actor_refused')
    expect(judged(authz(), token({ ...nothing, act: actors.anonymous as Actor }))).toBe('unauthenticated')
  })
  test('the scope', () => expect(judged(authz({ stepUp: 'any' }), token(nothing))).toBe('auth.scope_missing'))
  test('or the role, where one is named, and then no scope is asked for', () => {
    const staff = authz({ role: ['auditor', 'admin'], scope: 'admin.audit', stepUp: 'any' })
    expect(judged(staff, token({ ...nothing, scope: 'admin.audit' }))).toBe('auth.role_missing')
    expect(judged(staff, token({ ...nothing, roles: ['ops'] }))).toBe('auth.role_missing')
    expect(judged({ ...staff, stepUp: undefined } as unknown as Authz, token({ scope: '', roles: ['admin'] }))).toBe('passes')
  })
  test('the account', () => expect(judged(authz({ stepUp: 'any' }), token({ account: 'suspended' }))).toBe('account_suspended'))
  test('the fresh proof', () => expect(judged(authz({ stepUp: 'any' }), token())).toBe('step_up_required'))
})

test('where nobody needs to be known, nothing else is asked of nobody', () => {
  const open = authz({ actors: ['anonymous', 'person'], stepUp: 'passkey' })
  expect(judged(open, token({ act: actors.anonymous as Actor, scope: '' }))).toBe('passes')
  expect(judged(open, token({ scope: '' }))).toBe('auth.scope_missing')
})

test.each([
  ['account.read', 'passes'],
  ['credit.read', 'passes'],
  ['activity.read', 'passes'],
  ['vault.write', 'account_suspended'],
  ['memory.read', 'account_suspended'],
  ['memory.erase', 'account_suspended'],
  ['companion.converse', 'account_suspended'],
] as const)('a suspended account and %s: %s', (scope, verdict) => {
  expect(judged(authz({ scope }), token({ scope, account: 'suspended' }))).toBe(verdict)
  for (const account of ['active', 'exhausted'] as const) expect(judged(authz({ scope }), token({ scope, account }))).toBe('passes')
})

test.each(['recovery', 'erasing'] as const)('a session kept to %s reaches what names it, and nothing else', (restricted) => {
  const kept = token({ restricted, scope: 'memory.read' })
  expect(judged(authz(), kept)).toBe('auth.scope_missing')
  expect(judged(authz({ restricted: [restricted] }), kept)).toBe('passes')
  expect(judged(authz({ restricted: ['suspended'] }), kept)).toBe('auth.scope_missing')
  expect(judged(authz({ role: ['admin'] }), token({ restricted, roles: ['admin'] }))).toBe('auth.role_missing')
})

test('a suspended account has its roles no longer, and what asks for neither role nor scope still', () => {
  const suspended = token({ account: 'suspended', roles: ['admin'] })
  const { scope: _none, ...plain } = authz()
  expect(judged({ ...plain, role: ['admin'] }, suspended)).toBe('account_suspended')
  expect(judged({ ...plain, role: ['admin'], restricted: ['suspended'] }, suspended)).toBe('passes')
  expect(judged(plain, suspended)).toBe('passes')
})

test('a session kept to a recovery gives no other proof than the factors that opened it', () => {
  const kept = token({ restricted: 'recovery', step_up: { at: now - 3600, level: 'any' } })
  expect(judged(authz({ restricted: ['recovery'], stepUp: 'any' }), kept)).toBe('passes')
  expect(judged(authz({ restricted: ['erasing'], stepUp: 'any' }), token({ restricted: 'erasing' }))).toBe('step_up_required')
})

test('a suspended account reaches what names it beyond its scopes', () => {
  expect(judged(authz({ restricted: ['suspended'] }), token({ scope: 'memory.read', account: 'suspended' }))).toBe('passes')
})

describe('a proof', () => {
  const raised = (at: number, level: 'any' | 'passkey') => token({ step_up: { at, level } })

  test('is fresh for five minutes', () => {
    expect(judged(authz({ stepUp: 'any' }), raised(now - 299, 'any'))).toBe('passes')
    expect(judged(authz({ stepUp: 'any' }), raised(now - 300, 'any'))).toBe('step_up_required')
  })

  test('by passkey serves for any, another not for a passkey', () => {
    expect(judged(authz({ stepUp: 'any' }), raised(now, 'passkey'))).toBe('passes')
    expect(judged(authz({ stepUp: 'passkey' }), raised(now, 'any'))).toBe('step_up_required')
    expect(() => authorize(authz({ stepUp: 'passkey' }), raised(now, 'any'), clock.now())).toThrow(expect.objectContaining({ details: { level: 'passkey' } }))
  })
})
