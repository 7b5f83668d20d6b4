// The whole deployment as containers: the story of the demo against it, scaled, stopped; and how little its containers may do.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { ServiceName } from '@loomworks/kernel'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { repository } from '../architecture/tree.ts'
import { freePort } from '../whole.ts'

const run = promisify(execFile)
const docker = (...args: readonly string[]) => run('docker', args, { cwd: repository, env: { ...process.env, ...environment }, maxBuffer: 16_777_216 })
const answers = (...args: readonly string[]) =>
  docker(...args).then(
    () => true,
    () => false,
  )
const port = await freePort()
const environment = { PORT: String(port) }
const project = `loomworks-test-${port}`
const EVENTSTORE = process.env.EVENTSTORE_IMAGE ?? 'eventstore/eventstore:24.6.0-jammy'
const MINUTES = 60_000

const Container = z.object({
  Config: z.object({ User: z.string() }),
  State: z.object({ ExitCode: z.int() }),
  HostConfig: z.object({ ReadonlyRootfs: z.boolean(), CapDrop: z.array(z.string()).nullable(), Init: z.boolean().nullish() }),
  NetworkSettings: z.object({ Ports: z.record(z.string(), z.unknown()) }),
})

const hasDocker = (await answers('info')) && (await answers('compose', 'version'))

if (hasDocker) describe('compose', deployed)
else test('compose', ({ skip }) => skip('no Docker with compose answers here'))

function deployed(): void {
  let files: readonly string[] = []
  const compose = (...args: readonly string[]) => docker('compose', '-p', project, ...files.flatMap((file) => ['-f', file]), ...args)
  const containersOf = async (service: string) => {
    const { stdout } = await compose('ps', '-aq', service)
    const { stdout: told } = await docker('inspect', ...stdout.trim().split('\n'))
    return z.array(Container).parse(JSON.parse(told))
  }

  beforeAll(async () => {
    const whole = (await answers('image', 'inspect', EVENTSTORE)) || (await answers('pull', '-q', EVENTSTORE))
    files = ['docker-compose.yml', ...(whole ? [] : ['docker-compose.no-eventstore.yml'])]
    if (!whole) console.log(`${EVENTSTORE} cannot be pulled here: events stay in Postgres.`)
    const { DockerComposeEnvironment } = await testcontainers()
    await new DockerComposeEnvironment(repository, [...files])
      .withProjectName(project)
      .withEnvironment(environment)
      // We take it down ourselves, and need no container to do that.
      .withAutoCleanup(false)
      .withBuild()
      .withClientOptions({ commandOptions: ['--wait'] })
      .up()
      .catch(async (error: unknown) => {
        const { stdout } = await compose('logs', '--tail', '20')
        throw new Error(stdout, { cause: error })
      })
  }, 10 * MINUTES)

  afterAll(async () => {
    if (files.length > 0) await compose('--profile', 'demo', 'down', '-v', '--timeout', '15')
  }, MINUTES)

  async function demo(): Promise<void> {
    const { stdout } = await compose('run', '--rm', '--no-deps', 'demo')
    expect(stdout).toContain('Everything was seen.')
  }

  test('the story of the demo', demo, MINUTES)

  test('the same story with three of memory and two of identity', { timeout: 2 * MINUTES }, async () => {
    await compose('up', '--wait', '--no-build', '--scale', 'memory=3', '--scale', 'identity=2')
    expect(await containersOf('memory')).toHaveLength(3)
    await demo()
  })

  test.each(ServiceName.options)('%s runs as nobody in particular, may nothing and can write nowhere', async (service) => {
    for (const { Config, HostConfig } of await containersOf(service))
      expect([Config.User, HostConfig.ReadonlyRootfs, HostConfig.CapDrop, HostConfig.Init]).toEqual(['node', true, ['ALL'], true])
  })

  test('nothing but the gateway has a port', async () => {
    const { stdout } = await compose('config', '--services')
    for (const service of stdout.trim().split('\n')) {
      const published = (await containersOf(service)).flatMap(({ NetworkSettings }) => Object.values(NetworkSettings.Ports).filter((each) => each !== null))
      expect(published.length, service).toBe(service === 'gateway' ? 1 : 0)
    }
  })

  test('all of them stop in time, each by itself', { timeout: MINUTES }, async () => {
    await compose('stop')
    for (const service of ServiceName.options) for (const { State } of await containersOf(service)) expect(State.ExitCode, service).toBe(0)
  })
}

interface Testcontainers {
  readonly DockerComposeEnvironment: new (directory: string, files: string[]) => ComposeEnvironment
}

interface ComposeEnvironment {
  withProjectName(name: string): this
  withEnvironment(environment: Record<string, string>): this
  withAutoCleanup(on: boolean): this
  withBuild(): this
  withClientOptions(options: { readonly commandOptions: string[] }): this
  up(): Promise<unknown>
}

/** Only who has Docker needs it, so it is not among the packages of a bare start. */
async function testcontainers(): Promise<Testcontainers> {
  const folder = join(import.meta.dirname, 'node_modules', 'testcontainers')
  if (!existsSync(folder)) await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: import.meta.dirname })
  return import(pathToFileURL(join(folder, 'build', 'index.js')).href)
}
