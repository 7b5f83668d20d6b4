// A start that cannot go on ends with exit code 1 and one sentence that says what is wrong and how to mend it (quality page §1, §4).
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StartRefused } from '../../dev/start-refused.ts'
import { startWhole } from '../whole.ts'
import { type Ended, refused, type TemporaryDirectory, temporaryDirectory } from './launched.ts'

let place: TemporaryDirectory
beforeAll(() => {
  place = temporaryDirectory()
})
afterAll(() => place[Symbol.dispose]())

const homeIn = (name: string) => join(place.path, name)

function expectSentence(ended: Ended, sentence: RegExp): void {
  expect(ended).toEqual({ code: 1, signal: null, stdout: expect.any(String), stderr: expect.stringMatching(sentence) })
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1)
}

/** The same start without a process of its own; whatever does start is stopped again. */
async function starting(home: string): Promise<void> {
  try {
    await using _whole = await startWhole({ home })
  } catch (error) {
    expect(error).toBeInstanceOf(StartRefused)
    throw error
  }
}

describe('a setting that means nothing:', () => {
  test.each(['abc', '65536'])('PORT=%s', async (port) => {
    expectSentence(await refused({ LOOMWORKS_HOME: homeIn('unused'), PORT: port }), /^PORT is .*: name a port from 1 to 65535\.\n$/)
  })
  test('LIMITS=none', async () => {
    expectSentence(await refused({ LOOMWORKS_HOME: homeIn('unused'), LIMITS: 'none' }), /^LIMITS is none: set it to on or off\.\n$/)
  })
  test('and nothing is made for it', () => expect(readdirSync(place.path)).not.toContain('unused'))
})

describe('a home that is none:', () => {
  test('a file lies where the home should be: exit code 1', async () => {
    writeFileSync(homeIn('file'), 'mine')
    const ended = await refused({ LOOMWORKS_HOME: homeIn('file'), PORT: '4400' })
    expectSentence(ended, /file is not a directory: move the file away, or name another directory with LOOMWORKS_HOME\.\n$/)
  })
  test('a file lies above the home', async () => {
    writeFileSync(homeIn('above'), 'mine')
    await expect(starting(join(homeIn('above'), 'home'))).rejects.toThrow(/is not a directory: .*LOOMWORKS_HOME\.$/)
  })
  test.each(['data', 'logs', 'keys', 'run'])('a file lies where its %s should be', async (name) => {
    const home = homeIn(`in-the-way-${name}`)
    mkdirSync(home)
    writeFileSync(join(home, name), 'mine')
    await expect(starting(home)).rejects.toThrow(/is not a directory: .*LOOMWORKS_HOME\.$/)
  })
  test.each(['', '{', '{"pid":"one"}', 'null'])('its lock file holds %j', async (text) => {
    const home = homeIn(`lock-${text.length}`)
    mkdirSync(join(home, 'run'), { recursive: true })
    writeFileSync(join(home, 'run', 'instance.lock'), text)
    await expect(starting(home)).rejects.toThrow(/instance\.lock is damaged: when no other Loomworks uses this directory, delete it and start again\.$/)
  })
})

test('a port that somebody else has; the home is free again afterwards', async () => {
  const stranger = createServer().listen(0)
  await new Promise((done) => stranger.once('listening', done))
  const address = stranger.address()
  const port = typeof address === 'object' && address !== null ? String(address.port) : ''
  try {
    const ended = await refused({ LOOMWORKS_HOME: homeIn('port'), PORT: port })
    expectSentence(ended, new RegExp(`^Port ${port} is taken by another program: stop it, or name another port with PORT\\.\n$`))
    expect(readdirSync(join(homeIn('port'), 'run'))).not.toContain('instance.lock')
  } finally {
    stranger.close()
  }
})
