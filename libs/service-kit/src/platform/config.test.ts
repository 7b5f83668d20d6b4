import { describe, expect, test } from 'vitest'
import { addressIn, databaseUrlIn, enginesOf, processConfigOf, secretIn } from './config.ts'

const urls = Object.fromEntries(
  ['IDENTITY', 'MEMORY', 'COMPANION', 'CREDIT', 'AUDIT', 'GATEWAY'].map((name, at) => [`${name}_URL`, `http://localhost:440${at}/x`]),
)
const right = { DATABASE_URL: 'postgres://memory@localhost/loomworks', SERVICE_SECRET_FILE: 'secret', ...urls }

test('a process knows its stores and where the others are', () => {
  const config = processConfigOf('memory', { ...right, PATH: '/bin' })
  expect(addressIn(config, 'identity', 'memory')).toEqual({ origin: 'http://localhost:4400', others: [] })
  expect(config.LOG_LEVEL).toBe('info')
})

test('a process that is one of several instances listens on a port of its own', () => {
  const config = processConfigOf('memory', { ...right, MEMORY_URL: 'http://localhost:4401, http://localhost:4411', LISTEN_PORT: '4411' })
  expect(addressIn(config, 'memory', 'memory')).toEqual({ origin: 'http://localhost:4401', others: ['http://localhost:4411'], listen: { port: 4411 } })
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
    ['EVENTSTORE_URL', 'http://localhost:2113'],
    ['NATS_URL', 'nats://a:4222,http://b:4222'],
  ])('%s=%s', (name, value) => {
    expect(() => processConfigOf('memory', { ...right, [name]: value })).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: `memory cannot start: ${name} is missing or wrong.` }),
    )
  })

  test('a secret that is not there', () => {
    expect(() => secretIn('memory', 'SERVICE_SECRET_FILE', 'no/such/file')).toThrow(
      expect.objectContaining({ code: 'config.invalid', message: 'memory cannot start: SERVICE_SECRET_FILE names a file that cannot be read.' }),
    )
  })
})

describe('engines', () => {
  const mayCreate = false

  test('are Postgres where no URL is set, and each URL overrides alone', () => {
    expect(enginesOf('memory', {}, { mayCreate })).toEqual({})
    expect(enginesOf('memory', { EVENTSTORE_URL: 'esdb+discover://a,b?tls=true' }, { mayCreate })).toEqual({ eventStoreUrl: 'esdb+discover://a,b?tls=true' })
    expect(enginesOf('memory', { NATS_URL: 'nats://a:4222, nats://b:4222' }, { mayCreate })).toEqual({
      nats: { servers: 'nats://a:4222, nats://b:4222', user: 'memory', mayCreate },
    })
  })

  test('a password that its file does not hold stops the start', () => {
    expect(() => enginesOf('memory', { NATS_URL: 'nats://a', NATS_PASSWORD_FILE: 'no/such/file' }, { mayCreate })).toThrow(
      expect.objectContaining({ message: 'memory cannot start: NATS_PASSWORD_FILE names a file that cannot be read.' }),
    )
  })

  test('a password of a file goes into the URL of the database', () => {
    const config = processConfigOf('memory', { ...right, DATABASE_PASSWORD_FILE: import.meta.filename })
    expect(decodeURIComponent(new URL(databaseUrlIn('memory', config)).password)).toContain('import { describe')
  })
})
