import { describe, expect, test } from 'vitest'
import { originOf, processConfigOf, secretIn } from './config.ts'

const urls = Object.fromEntries(
  ['IDENTITY', 'MEMORY', 'COMPANION', 'CREDIT', 'AUDIT', 'GATEWAY'].map((name, at) => [`${name}_URL`, `http://localhost:440${at}/x`]),
)
const right = { DATABASE_URL: 'postgres://memory@localhost/loomworks', SERVICE_SECRET_FILE: 'secret', ...urls }

test('a process knows its stores and where the others are', () => {
  const config = processConfigOf('memory', { ...right, PATH: '/bin' })
  expect(originOf(config, 'memory')).toBe('http://localhost:4401')
  expect(config.LOG_LEVEL).toBe('info')
})

describe('does not start, and says in one sentence why:', () => {
  test.each([
    ['SERVICE_SECRET_FILE', undefined],
    ['SERVICE_SECRET_FILE', ''],
    ['DATABASE_URL', 'mysql://localhost'],
    ['CREDIT_URL', undefined],
    ['CREDIT_URL', 'ftp://localhost'],
    ['CREDIT_URL', 'localhost:4400'],
    ['LOG_LEVEL', 'loud'],
  ])('%s=%s', (name, value) => {
    expect(() => processConfigOf('memory', { ...right, [name]: value })).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: `memory cannot start: ${name} is missing or wrong.` }),
    )
  })

  test('a secret that is not there', () => {
    const config = processConfigOf('memory', { ...right, SERVICE_SECRET_FILE: 'no/such/file' })
    expect(() => secretIn('memory', config)).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: 'memory cannot start: SERVICE_SECRET_FILE names a file that cannot be read.' }),
    )
  })
})
