// The operator's command line against a running instance: what it prints, and what its exit code says.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../architecture/tree.ts'
import { startWhole, type Whole } from '../whole.ts'

let whole: Whole
let sagaId: string
beforeAll(async () => {
  whole = await startWhole()
  await whole.newcomer().signUp()
  const [saga] = JSON.parse((await loom('saga', 'list', '--json')).stdout)
  sagaId = saga.id
})
afterAll(() => whole[Symbol.asyncDispose]())

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function loom(...args: readonly string[]): Promise<Ended> {
  return loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, args)
}

function loomIn(settings: Readonly<Record<string, string>>, args: readonly string[]): Promise<Ended> {
  const { DATABASE_ADMIN_URL: _url, LOOMWORKS_HOME: _home, ...inherited } = process.env
  const child = spawn(process.execPath, [join(repository, 'tools', 'loom', 'main.ts'), ...args], {
    cwd: repository,
    env: { ...inherited, ...settings, NO_COLOR: '1' },
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (chunk: string) => (said[name] += chunk))
  return new Promise((done) => child.on('close', (code) => done({ code, ...said })))
}

describe('loom saga', () => {
  test('list shows a line for each saga, newest first', async () => {
    const { code, stdout } = await loom('saga', 'list')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^saga +definition +state +age/)
    expect(stdout).toContain(`${sagaId}  signup@1    completed`)
  })
  test('list takes a state, and says so when there are none', async () => {
    expect(await loom('saga', 'list', '--state', 'aborted')).toMatchObject({ code: 0, stdout: 'No sagas.\n' })
    expect(JSON.parse((await loom('saga', 'list', '--definition', 'signup', '--json')).stdout)).toMatchObject([{ id: sagaId, state: 'completed' }])
  })
  test('show tells one step by step, as a table and as JSON', async () => {
    const { code, stdout } = await loom('saga', 'show', sagaId)
    expect(code).toBe(0)
    for (const step of ['createPending', 'induct', 'commonsJoin', 'activate']) expect(stdout).toMatch(new RegExp(`^${step} +done +1`, 'm'))
    expect(stdout).toMatch(/^reserve +skipped/m)
    expect(JSON.parse((await loom('saga', 'show', sagaId, '--json')).stdout)).toMatchObject({
      id: sagaId,
      definition: 'signup',
      version: 1,
      state: 'completed',
    })
  })
  test('show of a saga that is not there is found wanting', async () => {
    expect(await loom('saga', 'show', '00000000-0000-0000-0000-0000000000ff')).toMatchObject({ code: 1, stderr: expect.stringContaining('saga.not_found') })
  })
  test('with a wrong token it is refused', async () => {
    expect(await loom('saga', 'list', '--token', `lwo_${'x'.repeat(43)}`)).toMatchObject({ code: 1, stderr: expect.stringContaining('token_refused') })
  })
})

describe('loom admin grant', () => {
  test('makes an administrator of whoever has the address', async () => {
    const { client, email, signUp } = whole.newcomer()
    await signUp()
    expect((await client.expect(200, 'GET', '/me')).roles).toEqual([])
    expect(await loom('admin', 'grant', email.toUpperCase())).toMatchObject({ code: 0, stdout: expect.stringContaining('admin, ops') })
    await expect.poll(async () => (await client.expect(200, 'GET', '/me')).roles).toEqual(['admin', 'ops'])
    // The gateway forgets what it held of the person as soon as it hears of the role.
    await expect.poll(async () => (await client.ask('GET', '/admin/sagas')).status).toBe(200)
  })
  test('of an address that nobody has is found wanting', async () => {
    expect(await loom('admin', 'grant', 'nobody@example.org')).toMatchObject({ code: 1, stderr: 'Nobody active has this address: sign up first.\n' })
  })
})

describe('loom bus republish', () => {
  test('counts what it would publish', async () => {
    expect(await loom('bus', 'republish', '--service', 'identity', '--from', '2020-01-01T00:00:00Z', '--dry-run')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+ facts would be published again\.\n$/),
    })
  })
  test('does not take a time that is none', async () => {
    expect(await loom('bus', 'republish', '--service', 'identity', '--from', 'yesterday')).toMatchObject({ code: 2 })
  })
})

test('loom migrate on a database that is current changes nothing', async () => {
  const { code, stdout } = await loom('migrate')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^identity: up to date$/m)
  expect(stdout).not.toMatch(/\.sql/)
})

describe('exit codes:', () => {
  test('2 for a verb that is not there, an option that is not there, a value out of its set', async () => {
    expect((await loom('saga', 'dance')).code).toBe(2)
    expect((await loom('saga', 'list', '--colour', 'red')).code).toBe(2)
    expect((await loom('saga', 'list', '--state', 'happy')).code).toBe(2)
  })
  test('3 where nobody answers', async () => {
    expect(await loom('saga', 'list', '--url', 'http://localhost:9')).toMatchObject({ code: 3, stderr: 'http://localhost:9 does not answer.\n' })
    expect((await loomIn({ DATABASE_ADMIN_URL: 'postgres://postgres@localhost:9/loomworks' }, ['migrate'])).code).toBe(3)
    expect((await loomIn({ LOOMWORKS_HOME: join(whole.instance.home.path, 'nobody') }, ['saga', 'list'])).code).toBe(3)
  })
  test('0 for help, with an example for every verb', async () => {
    for (const verb of [['saga', 'list'], ['saga', 'show'], ['admin', 'grant'], ['bus', 'republish'], ['migrate']]) {
      expect(await loom(...verb, '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('Example:') })
    }
  })
})
