import { Terminal } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { integrationEvent } from './message.ts'
import { EVENT_TYPES, eventTypeOf, parseEventData, STEP_MESSAGES } from './registry.ts'
import { Role } from './sets.ts'
import { sqlCheck } from './sql-check.ts'

// A message as it will be once it was superseded: version 1 had a count as text.
const Counted = integrationEvent('memory', 'Counted', {
  v: 2,
  schema: z.strictObject({ count: z.int() }),
  upcast: (previous) => ({ count: Number((previous as { count: string }).count) }),
  entity: () => 'e',
  sample: { count: 1 },
})
const codeOf = (run: () => unknown) => {
  try {
    return `parsed ${JSON.stringify(run())}`
  } catch (error) {
    return error instanceof Terminal ? error.code : String(error)
  }
}

test('data of an older version is lifted to the newest', () => {
  expect(parseEventData(Counted, 1, { count: '7' })).toEqual({ count: 7 })
  expect(parseEventData(Counted, 2, { count: 7 })).toEqual({ count: 7 })
})

test('a version nobody knows here, and data that do not fit, end in the dead letters', () => {
  expect(codeOf(() => parseEventData(Counted, 3, { count: 7 }))).toBe('unknown_version')
  expect(codeOf(() => parseEventData(Counted, 0, { count: 7 }))).toBe('unknown_version')
  expect(codeOf(() => parseEventData(Counted, 2, { count: 7, more: true }))).toBe('schema')
})

test('names are unique, and a name leads to its type', () => {
  expect(new Set(EVENT_TYPES.map(({ name }) => name)).size).toBe(EVENT_TYPES.length)
  expect(new Set(STEP_MESSAGES.map(({ step }) => step)).size).toBe(STEP_MESSAGES.length)
  for (const type of EVENT_TYPES) expect(eventTypeOf(type.name)).toBe(type)
})

test.each(
  Object.entries({
    critical: [
      'CredentialCloneSuspected',
      'PersonLocked',
      'PersonUnlocked',
      'RoleGranted',
      'RoleRevoked',
      'EnrolmentTokenIssued',
      'IdentityFixupApplied',
      'SigningKeyRotated',
    ],
    high: [
      'PersonActivated',
      'CredentialAdded',
      'CredentialRemoved',
      'RecoveryUsed',
      'MembershipGranted',
      'MembershipChanged',
      'MembershipRevoked',
      'AgentTokenIssued',
      'AgentTokenRevoked',
      'KeyProvided',
      'KeyRemoved',
      'AccountStatusChanged',
    ],
    standard: ['EmailChanged', 'SessionRevoked', 'AgentChanged', 'SettingChanged'],
    low: ['PersonNamesChanged', 'SessionOpened', 'SignInThrottled'],
  }),
)('of %s weight for audit are the facts of identity that its page says', (priority, names) => {
  expect(names.map((name) => [name, eventTypeOf(name)?.priority])).toEqual(names.map((name) => [name, priority]))
})

test('the CHECK of a column lists the words of its set', () => {
  expect(sqlCheck('role', Role)).toBe("check (role in ('admin', 'support', 'auditor', 'ops'))")
})
