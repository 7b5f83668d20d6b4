import { Refusal } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { companionNameOf, DisplayName, nameOf } from './names.ts'

test('a name is trimmed and brought to one form', () => {
  expect(nameOf('  Ada  ', 80)).toBe('Ada')
  expect(nameOf('Zoe\u0308', 80)).toBe('Zo\u00eb')
})

test('a name is counted in code points, not in units', () => {
  expect(nameOf('🦊'.repeat(50), 50)).toBe('🦊'.repeat(50))
  expect(nameOf('🦊'.repeat(51), 50)).toBeUndefined()
})

test.each([
  ['empty', ''],
  ['white space', ' \t '],
  ['a control character', 'A\u0000da'],
  ['a line break', 'A\nda'],
  ['a bidirectional override', 'Ada\u202etxt'],
  ['an isolate', 'Ada\u2066'],
])('a name that is or holds %s is none', (_what, text) => {
  expect(nameOf(text, 80)).toBeUndefined()
})

test('nobody judges the words: there is no filter', () => {
  expect(companionNameOf('Damned Thing')).toBe('Damned Thing')
})

test('a display name has 80 code points at most', () => {
  expect(DisplayName.safeParse('a'.repeat(80)).success).toBe(true)
  expect(DisplayName.safeParse('a'.repeat(81)).success).toBe(false)
})

test('a Companion is named by 1 to 50 code points', () => {
  expect(companionNameOf('a'.repeat(50))).toHaveLength(50)
  expect(codeOf(() => companionNameOf('a'.repeat(51)))).toBe('companion_name_invalid')
  expect(codeOf(() => companionNameOf('  '))).toBe('companion_name_invalid')
})

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof Refusal) return error.code
  }
  return 'none'
}
