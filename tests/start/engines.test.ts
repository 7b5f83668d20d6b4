// Embedded mode on engines that run already: each URL by itself, and one sentence where one of them cannot be used.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { exec, openDatabase } from '@loomworks/sql'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { StartRefused } from '../../dev/start-refused.ts'
import { startWhole } from '../whole.ts'
import { refused, type TemporaryDirectory, temporaryDirectory } from './launched.ts'

let place: TemporaryDirectory
const name = `given_${randomBytes(6).toString('hex')}`

beforeAll(async () => {
  place = temporaryDirectory()
  await onServer(`create database ${name}`)
})
afterAll(async () => {
  await onServer(`drop database ${name} with (force)`)
  place[Symbol.dispose]()
})

async function onServer(text: string): Promise<void> {
  const server = openDatabase({ url: inject('adminUrl'), max: 1, applicationName: 'start', onError: () => undefined })
  await exec(server, { text, values: [] })
  await server.close()
}

function databaseUrl(): string {
  const url = new URL(inject('adminUrl'))
  url.pathname = `/${name}`
  return url.toString()
}

test('on the database of DATABASE_URL a person signs up, and the home has none of its own; a second instance there is refused', async () => {
  const home = join(place.path, 'given')
  await using whole = await startWhole({ home, engines: { databaseUrl: databaseUrl() } })
  await whole.newcomer().signUp()
  expect(existsSync(join(home, 'data', 'postgres'))).toBe(false)
  const second = startWhole({ home: join(place.path, 'second'), engines: { databaseUrl: databaseUrl() } })
  await expect(second).rejects.toThrow(new StartRefused('Another Loomworks runs on the database of DATABASE_URL: stop it, or name another database.'))
})

test('the same database and home start again where the one before has stopped', async () => {
  await using whole = await startWhole({ home: join(place.path, 'given'), engines: { databaseUrl: databaseUrl() } })
  await whole.newcomer().signUp()
})

describe('an engine that cannot be used:', () => {
  test.each([
    ['DATABASE_URL', 'postgres://postgres@127.0.0.1:1/nowhere', 'The database of DATABASE_URL does not answer: start it, or mend the URL.'],
    ['EVENTSTORE_URL', 'http://localhost:2113', 'loomworks cannot start: EVENTSTORE_URL is missing or wrong.'],
    ['NATS_URL', 'localhost:4222', 'loomworks cannot start: NATS_URL is missing or wrong.'],
  ])('%s=%s', async (setting, url, sentence) => {
    const ended = await refused({ LOOMWORKS_HOME: join(place.path, setting), PORT: '4400', [setting]: url })
    expect([ended.code, ended.stderr]).toEqual([1, `${sentence}\n`])
  })
})
