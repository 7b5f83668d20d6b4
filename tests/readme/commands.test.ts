// What a README tells a newcomer to type is typed here: the root's commands on a fresh home, a package's as far as they say that they
// run it alone.
import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../architecture/tree.ts'

const home = mkdtempSync(join(tmpdir(), 'loomworks-readme-'))
const running: ChildProcess[] = []
let port: number

beforeAll(async () => {
  port = await freePort()
})
afterAll(async () => {
  await Promise.all(running.map(stopped))
  rmSync(home, { recursive: true, force: true })
})

/** The lines of the `sh` blocks of a README: what is meant to be typed. */
function commandsOf(readme: string): readonly string[] {
  return [...readFileSync(join(repository, readme), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.trim().split('\n'))
}

interface Ended {
  readonly code: number | null
  readonly said: string
}

function start(command: string): ChildProcess {
  const env = { ...process.env, LOOMWORKS_HOME: home, PORT: String(port), NO_COLOR: '1' }
  return spawn(command, { cwd: repository, env, shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
}

function typed(command: string): Promise<Ended> {
  const child = start(command)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  return new Promise((done) => child.on('close', (code) => done({ code, said })))
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.on('close', () => done())
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
  })
}

function untilReady(child: ChildProcess): Promise<string> {
  let said = ''
  return new Promise((done, failed) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (said.includes('Loomworks is ready at')) done(said)
      })
    child.on('close', () => failed(new Error(said)))
  })
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

test("the README's own commands run, one after the other, on a fresh home", { timeout: 120_000 }, async () => {
  const [first, ...rest] = commandsOf('README.md')
  expect(first).toBe('npm start')
  const instance = start(first ?? '')
  running.push(instance)
  expect(await untilReady(instance)).toContain(`Loomworks is ready at http://localhost:${port}`)
  expect(rest.length).toBeGreaterThan(2)
  // The unit tests are a suite of their own in this run.
  for (const command of rest.filter((each) => each !== 'npm test -- --unit')) expect({ command, ...(await typed(command)) }).toMatchObject({ code: 0 })
})

const packages = globSync('{libs,services}/*/README.md', { cwd: repository }).sort()

describe('every package', () => {
  test('has commands in its README', () => {
    expect(packages.filter((readme) => commandsOf(readme).length === 0)).toEqual([])
    expect(packages.length).toBeGreaterThan(14)
  })

  test.each(packages.flatMap((readme) => commandsOf(readme)).filter((command) => command.startsWith('npm test')))('%s finds its tests', (command) => {
    const [, suite, filter] = /^npm test -- --(unit|integration) (\S+)$/.exec(command) ?? []
    const found = globSync(`${filter}/**/*.test.ts`, { cwd: repository, exclude: (path) => path.includes('node_modules') })
    expect(found.filter((path) => path.endsWith('.it.test.ts') === (suite === 'integration'))).not.toEqual([])
  })

  test.each(packages.flatMap((readme) => commandsOf(readme)).filter((command) => command.startsWith('npm run service')))(
    '%s says in one sentence what it needs',
    { timeout: 60_000 },
    async (command) => {
      const { code, said } = await typed(command)
      expect(code).toBe(1)
      expect(said).toMatch(/cannot start: \w+ is missing or wrong\.\s*$/)
    },
  )

  test.each(packages.flatMap((readme) => commandsOf(readme)).filter((command) => !/^npm (?:test|run service|run generate)/.test(command)))(
    'names no command that is not run here: %s',
    (command) => {
      expect(command).toBe('')
    },
  )
})
