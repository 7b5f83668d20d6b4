// Each service in a process of its own, under its own role, against URLs: what `npm run service -- <name>` runs.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PostgresBus } from '@loomworks/bus'
import { STREAMS } from '@loomworks/contracts'
import { ServiceName, sha256 } from '@loomworks/kernel'
import { consumersOf } from '@loomworks/service-kit'
import { exec, openDatabase, sql } from '@loomworks/sql'
import { eventually, PersonClient } from '@loomworks/testing'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { migrateAll, setPasswords } from '../../dev/migrate.ts'
import { SERVICES } from '../../dev/services.ts'
import { repository } from '../architecture/tree.ts'
import { freePort } from '../whole.ts'

const home = mkdtempSync(join(tmpdir(), 'loomworks-six-'))
const database = `six_${randomBytes(6).toString('hex')}`
const children = new Map<ServiceName, ChildProcess>()
const ports = new Map<ServiceName, number>()
const said: string[] = []

const secret = () => randomBytes(32).toString('base64url')
const secrets = new Map(ServiceName.options.map((name) => [name, secret()]))
const passwords = Object.fromEntries(ServiceName.options.map((name) => [name, secret()]))

beforeAll(async () => {
  await prepareDatabase()
  mkdirSync(join(home, 'keys'))
  for (const name of ['vault', 'pepper', 'memory', 'audit']) writeFileSync(join(home, 'keys', name), secret())
  for (const [name, text] of secrets) writeFileSync(join(home, 'keys', `${name}-secret`), text)
  writeFileSync(join(home, 'keys', 'hashes'), JSON.stringify(Object.fromEntries([...secrets].map(([name, text]) => [name, sha256(text)]))))
  for (const name of ServiceName.options) ports.set(name, await freePort())
  for (const name of ServiceName.options) children.set(name, start(name))
  await eventually(async () => expect((await fetch(new URL('/readyz', urlOf('gateway')))).status).toBe(200), 40_000).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${said.join('')}`)
  })
}, 60_000)

afterAll(async () => {
  await Promise.all([...children.keys()].map(stop))
  rmSync(home, { recursive: true, force: true })
})

async function prepareDatabase(): Promise<void> {
  const server = openDatabase({ url: inject('adminUrl'), max: 1, applicationName: 'six', onError: () => undefined })
  await exec(server, { text: `create database ${database}`, values: [] })
  await server.close()
  const admin = openDatabase({ url: asRole(), max: 2, applicationName: 'six', onError: () => undefined })
  await migrateAll(admin, SERVICES)
  await setPasswords(admin, passwords)
  const bus = new PostgresBus({ db: admin, onTrouble: () => undefined })
  await bus.ensure({ streams: STREAMS, consumers: SERVICES.flatMap(consumersOf) })
  await bus.drain(1000)
  await exec(admin, sql`select 1`)
  await admin.close()
}

function asRole(role?: ServiceName): string {
  const url = new URL(inject('adminUrl'))
  url.pathname = `/${database}`
  if (role !== undefined) {
    url.username = role
    url.password = passwords[role] ?? ''
  }
  return url.toString()
}

function urlOf(name: ServiceName): string {
  return `http://localhost:${ports.get(name)}`
}

function start(name: ServiceName): ChildProcess {
  const key = (file: string) => join(home, 'keys', file)
  const env = {
    ...process.env,
    ...Object.fromEntries(ServiceName.options.map((each) => [`${each.toUpperCase()}_URL`, urlOf(each)])),
    DATABASE_URL: asRole(name),
    SERVICE_SECRET_FILE: key(`${name}-secret`),
    SERVICE_SECRETS_FILE: key('hashes'),
    PUBLIC_ORIGIN: urlOf('gateway'),
    VAULT_KEK_FILE: key('vault'),
    EMAIL_PEPPER_FILE: key('pepper'),
    MEMORY_MASTER_KEY_FILE: key('memory'),
    AUDIT_KEY_FILE: key('audit'),
    LIMITS: 'off',
  }
  const child = spawn(process.execPath, [join(repository, 'dev', 'service.ts'), name], { cwd: repository, env, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(`${name}: ${chunk.toString()}`))
  return child
}

function stop(name: ServiceName): Promise<number | null> {
  const child = children.get(name)
  return new Promise((done) => {
    if (child === undefined || child.exitCode !== null) return done(child?.exitCode ?? null)
    child.on('exit', (code) => done(code))
    child.kill('SIGTERM')
  })
}

test('a person signs up over six processes, and each follows', async () => {
  const person = new PersonClient(urlOf('gateway'))
  await person.signUp({ email: 'ada@example.org', displayName: 'Ada' }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${said.join('')}`)
  })
  expect(await person.expect(200, 'GET', '/engagements/me')).toMatchObject({ visibility: 'personal' })
  await eventually(async () => {
    const facts = (await person.expect(200, 'GET', '/me/activity')).items.map(({ fact }: { fact: string }) => fact)
    expect(facts).toEqual(expect.arrayContaining(['person_activated', 'engagement_opened', 'session_opened']))
    expect((await person.expect(200, 'GET', '/me/credit')).account.status).toBe('active')
  })
})

test('a service that is killed and started again goes on where it was', async () => {
  children.get('memory')?.kill('SIGKILL')
  children.set('memory', start('memory'))
  const person = new PersonClient(urlOf('gateway'))
  await person.signUp({ email: 'bob@example.org', displayName: 'Bob' })
  await eventually(async () => expect(await person.expect(200, 'GET', '/engagements/me')).toMatchObject({ visibility: 'personal' }))
})

test('each stops within ten seconds, with exit code 0', async () => {
  const began = performance.now()
  expect(await Promise.all([...children.keys()].map(stop))).toEqual(ServiceName.options.map(() => 0))
  expect(performance.now() - began).toBeLessThan(10_000)
  children.clear()
})
