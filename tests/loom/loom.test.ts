// The operator's command line against a running instance: what it prints, and what its exit code says.
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Failed } from '../../tools/loom/failed.ts'
import { loomProgram, verbsOf } from '../../tools/loom/program.ts'
import { startWhole, type Whole } from '../whole.ts'
import { type Ended, loomIn } from './command.ts'

let whole: Whole
let sagaId: string
beforeAll(async () => {
  whole = await startWhole()
  await whole.newcomer().signUp()
  const [saga] = JSON.parse((await loom('saga', 'list', '--json')).stdout)
  sagaId = saga.id
})
afterAll(() => whole[Symbol.asyncDispose]())

function loom(...args: readonly string[]): Promise<Ended> {
  return loomIn({ LOOMWORKS_HOME: whole.instance.home.path }, args)
}

describe('loom saga', () => {
  test('list shows a line for each saga, newest first', async () => {
    const { code, stdout } = await loom('saga', 'list')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^saga +definition +state +step +error +age +took +next due/)
    expect(stdout).toContain(`${sagaId}  signup@1    completed`)
  })
  test('list takes a state, and says so when there are none', async () => {
    expect(await loom('saga', 'list', '--state', 'aborted')).toMatchObject({ code: 0, stdout: 'No sagas.\n' })
    expect(JSON.parse((await loom('saga', 'list', '--definition', 'signup', '--json')).stdout)).toMatchObject([{ id: sagaId, state: 'completed' }])
  })
  test('show tells one step by step, as a table and as JSON', async () => {
    const { code, stdout } = await loom('saga', 'show', sagaId)
    expect(code).toBe(0)
    for (const step of ['createPending', 'induct', 'commonsJoin', 'activate']) expect(stdout).toMatch(new RegExp(`^${step} +\\w+ +done +1`, 'm'))
    expect(stdout).toMatch(/^reserve +credit +skipped/m)
    expect(stdout).toMatch(/pivot: from here it only goes forward ───\nactivate/)
    expect(stdout).toMatch(/^induct +memory +applied +1/m)
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
  test.each([['list', '--sort', 'duration', '--slower-than', '1ms'], ['stats'], ['show'], ['timeline'], ['state', '--at', '1'], ['diff', '1', '3']])(
    '%s reads the stores alone just as through the services',
    async (verb, ...rest) => {
      const args = ['saga', verb, ...(['list', 'stats'].includes(verb) ? [] : [sagaId]), ...rest, '--json']
      const [through, direct] = await Promise.all([loom(...args), loom(...args, '--direct')])
      expect({ through: through.code, direct: direct.code, stderr: direct.stderr }).toEqual({ through: 0, direct: 0, stderr: '' })
      const ageless = (text: string) => text.replaceAll(/"age_ms": \d+/g, '')
      expect(ageless(direct.stdout)).toBe(ageless(through.stdout))
    },
  )
  test('find by any id; by a person with a reason, through the services or past them', async () => {
    const { ids } = JSON.parse((await loom('saga', 'show', sagaId, '--json')).stdout)
    expect(await loom('saga', 'find', `${sagaId}/induct/do/1`)).toMatchObject({ code: 0, stdout: expect.stringContaining(`By message:`) })
    expect(await loom('saga', 'find', ids.personId)).toMatchObject({ code: 1, stderr: expect.stringContaining('saga.reason_required') })
    for (const way of [[], ['--direct']])
      expect(await loom('saga', 'find', ids.personId, '--reason', 'ticket 12', ...way)).toMatchObject({ code: 0, stdout: expect.stringContaining(sagaId) })
    expect(await loom('saga', 'find', 'nobody@example.org', '--reason', 'ticket 12')).toMatchObject({ code: 1, stderr: 'Nothing was found.\n' })
  })
  test('what has ended cannot be acted upon', async () => {
    for (const verb of ['retry', 'cancel'])
      expect(await loom('saga', verb, sagaId, '--reason', 'ticket 12')).toMatchObject({ code: 1, stderr: expect.stringContaining('saga.closed') })
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
  test('2 for a verb that is not there, a value that the API cannot read', async () => {
    expect((await loom('saga', 'dance')).code).toBe(2)
    expect((await loom('saga', 'list', '--limit', '1000')).code).toBe(2)
  })
  test('3 where nobody answers', async () => {
    expect(await loom('saga', 'list', '--url', 'http://localhost:9')).toMatchObject({ code: 3, stderr: 'http://localhost:9 does not answer.\n' })
    expect((await loomIn({ DATABASE_ADMIN_URL: 'postgres://postgres@localhost:9/loomworks' }, ['migrate'])).code).toBe(3)
    expect((await loomIn({ LOOMWORKS_HOME: join(whole.instance.home.path, 'nobody') }, ['saga', 'list'])).code).toBe(3)
  })
  test('0 for help', async () => {
    expect(await loom('saga', 'list', '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('Example:') })
  })
})

test('help has an example for every verb', () => {
  const verbs = verbsOf(loomProgram()).filter(({ commands }) => commands.length === 0)
  expect(verbs.length).toBeGreaterThan(15)
  for (const verb of verbs) {
    let help = ''
    verb.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
    expect({ verb: verb.name(), help }).toEqual({ verb: verb.name(), help: expect.stringMatching(/\nExamples?:\n +\S.*loom/) })
  }
})

test.each([
  ['saga', 'list', '--colour', 'red'],
  ['saga', 'list', '--state', 'happy'],
  ['saga', 'list', '--older', 'yesterday'],
  ['saga', 'diff', 'x', '1'],
  ['saga', 'state', 'x', '--at', 'first'],
  ['saga', 'retry', 'x'],
  ['saga', 'replay'],
  ['saga', 'replay', '--all', '--since', 'yesterday'],
  ['saga', 'reconcile', '--apply'],
  ['saga', 'dlq', 'redrive', '1', '--reason', 'mended', '--edit', 'no-such-file.json'],
  ['saga', 'timeline', 'x', '--follow', '--direct'],
])('%s %s %s %s is wrong usage, whatever runs', async (...args) => {
  const program = loomProgram()
  for (const verb of verbsOf(program)) verb.configureOutput({ writeErr: () => undefined })
  const error = await program.parseAsync(args, { from: 'user' }).catch((thrown: unknown) => thrown)
  expect(error instanceof CommanderError || (error instanceof Failed && error.exitCode === 2)).toBe(true)
})
