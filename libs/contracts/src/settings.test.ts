import { describe, expect, test } from 'vitest'
import { SettingKey, SettingValue } from './fields.ts'
import { SETTINGS, settingSpec } from './settings.ts'

describe.each(Object.entries(SETTINGS))('%s', (key, { value, standard, scopes }) => {
  test('is a key, and its standard is one of its values and fits an event', () => {
    expect(SettingKey.parse(key)).toBe(key)
    expect(value.safeParse(standard).success).toBe(true)
    expect(SettingValue.safeParse(standard).success).toBe(true)
    expect(scopes.length).toBeGreaterThan(0)
  })
})

test('a key of every object is no setting', () => {
  expect(settingSpec('constructor')).toBeUndefined()
  expect(settingSpec('signup.mode')).toBeDefined()
})

test.each(['Europe/Vienna', 'Etc/UTC', 'UTC', 'US/Pacific'])('the Companion’s hours are in a time zone that is there: %s', (zone) => {
  const { value, standard } = SETTINGS['companion.active_hours']
  expect(value.safeParse({ ...standard, zone }).success).toBe(true)
})

test.each(['Europe/Atlantis', 'Middle', '+02:00', ''])('and in none that is not: %s', (zone) => {
  const { value, standard } = SETTINGS['companion.active_hours']
  expect(value.safeParse({ ...standard, zone }).success).toBe(false)
})

test('warnings fall from one to the next', () => {
  const { value } = SETTINGS['credit.warning_days']
  expect(value.safeParse([14, 14]).success).toBe(false)
  expect(value.safeParse([1, 7]).success).toBe(false)
})
