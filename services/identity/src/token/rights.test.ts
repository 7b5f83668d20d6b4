import { Scope } from '@loomworks/contracts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { companionScopes, roleScopes, sessionScopes } from './rights.ts'

const listed = (scopes: string) => scopes.split(' ').sort()

test('a session has every scope but those of the staff', () => {
  const staff = Scope.options.filter((scope) => scope.startsWith('admin.') || scope.startsWith('saga.') || scope === 'audit.repair')
  expect(listed(sessionScopes([]))).toEqual(Scope.options.filter((scope) => !staff.includes(scope)).sort())
})

test('roles add theirs, each once', () => {
  const scopes = listed(sessionScopes(['admin', 'ops', 'support']))
  expect(scopes).toEqual(expect.arrayContaining(['admin.persons', 'admin.grants', 'audit.repair', 'saga.read', 'saga.force']))
  expect(new Set(scopes).size).toBe(scopes.length)
  expect(scopes).not.toContain('admin.audit')
})

test('the operator token has the scopes of ops and nothing of a person', () => {
  expect(listed(roleScopes(['ops']))).toEqual(['saga.act', 'saga.force', 'saga.read'])
})

test('ID-INV-16: a companion never has a scope that its person has not, and never one of account, vault, erasure, engagement, approval or staff', () => {
  const own = listed(companionScopes(sessionScopes(['admin', 'auditor', 'ops'])))
  expect(own).toEqual(['activity.read', 'companion.converse', 'credit.read', 'memory.commit', 'memory.read', 'memory.write'])
  fc.assert(
    fc.property(fc.subarray([...Scope.options]), (given) => {
      const kept = companionScopes(given.join(' ')).split(' ').filter(Boolean)
      expect(given).toEqual(expect.arrayContaining(kept))
      expect(own).toEqual(expect.arrayContaining(kept))
    }),
  )
})
