// A home whose data do not fit what starts on it: the start is refused, and goes on once what was missing is put back.
import { copyFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { exec, openDatabase, type Sql, sql } from '@loomworks/sql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StartRefused } from '../../dev/start-refused.ts'
import { loomIn } from '../loom/command.ts'
import { freePort, type Newcomer, startWhole } from '../whole.ts'
import { refused, type TemporaryDirectory, temporaryDirectory } from './launched.ts'

let place: TemporaryDirectory
let home: string
let port: number
let ada: Newcomer

beforeAll(async () => {
  place = temporaryDirectory()
  home = join(place.path, 'home')
  port = await freePort()
  await using whole = await startWhole({ home, port })
  ada = whole.newcomer()
  await ada.signUp()
})
afterAll(() => place[Symbol.dispose]())

/** What a start says: the sentence by which it is refused, or who is still there. */
async function starting(): Promise<string> {
  try {
    await using _whole = await startWhole({ home, port })
    return (await ada.client.expect(200, 'GET', '/me')).email
  } catch (error) {
    if (error instanceof StartRefused) return error.message
    throw error
  }
}

async function asAdmin(statement: Sql): Promise<void> {
  await using whole = await startWhole({ home, port })
  const admin = openDatabase({ url: whole.instance.adminUrl, max: 1, applicationName: 'test', onError: () => undefined })
  try {
    await exec(admin, statement)
  } finally {
    await admin.close()
  }
}

test('everything is there again after a stop, the session too', async () => {
  expect(await starting()).toBe(ada.email)
})

describe('a key file', () => {
  test.each([
    ['vault', 'VAULT_KEK_FILE'],
    ['email-pepper', 'EMAIL_PEPPER_FILE'],
    ['memory', 'MEMORY_MASTER_KEY_FILE'],
    ['audit', 'AUDIT_KEY_FILE'],
  ])('%s is lost', async (name, setting) => {
    const file = join(home, 'keys', `${name}.key`)
    const kept = join(place.path, name)
    copyFileSync(file, kept)
    rmSync(file)
    expect(await starting()).toBe(`${setting} is not the key this database was written under. Put the key back, or start with an empty database.`)
    copyFileSync(kept, file)
  })

  test('is back: everything is there again', async () => {
    expect(await starting()).toBe(ada.email)
  })
})

test('keys and the operator’s token are for the owner of the home alone', () => {
  const files = [...readdirSync(join(home, 'keys')).map((name) => join('keys', name)), 'operator-token']
  expect(files).toContain(join('keys', 'vault.key'))
  expect(files.filter((file) => (statSync(join(home, file)).mode & 0o777) !== 0o600)).toEqual([])
})

test('the key of the vault is changed while everything runs, and then the former one is of no use', async () => {
  const keys = join(home, 'keys')
  renameSync(join(keys, 'vault.key'), join(keys, 'vault-former.key'))
  {
    await using _whole = await startWhole({ home, port })
    const { code, stdout } = await loomIn({ LOOMWORKS_HOME: home }, ['vault', 'rewrap', '--json'])
    expect({ code, rewrapped: JSON.parse(stdout).rewrapped }).toEqual({ code: 0, rewrapped: expect.arrayContaining([{ table: 'totp_factors', rows: 1 }]) })
    await ada.client.logIn()
  }
  rmSync(join(keys, 'vault-former.key'))
  expect(await starting()).toBe(ada.email)
})

test('a newer version was here: exit code 1 and one sentence', async () => {
  await asAdmin(sql`insert into identity.migration (name, digest) values ('9999_from_the_future.sql', '')`)
  const { code, stderr } = await refused({ LOOMWORKS_HOME: home, PORT: String(port) })
  expect(stderr).toBe('The schema "identity" holds 9999_from_the_future.sql, which this version does not know. Start the newer version again.\n')
  expect(code).toBe(1)
})
