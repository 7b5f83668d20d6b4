// Histories of each version of each saga, as they were once decided, kept for ever: what is decided now must be the same, to the last
// byte. Where it is not, the saga needs a new version; a file here is never edited.
import { readdirSync, readFileSync } from 'node:fs'
import { At, SagaName, SagaState } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import { foldOf, replay } from '@loomworks/sagas'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { SAGAS } from './definitions.ts'

const directory = new URL('../golden/', import.meta.url)
const files = readdirSync(directory)

const Golden = z.strictObject({
  definition: SagaName,
  version: z.int(),
  sagaId: idOf<'saga'>(),
  outcome: SagaState,
  code: z.string().nullable(),
  events: z.array(z.looseObject({ type: z.string(), at: At, causationId: z.string(), data: z.record(z.string(), z.json()) })).min(3),
})

test('there are histories of every saga in every version, of some that went through and some that went back', () => {
  for (const { name, version } of SAGAS) {
    const own = files.filter((file) => file.startsWith(`${name}.v${version}.`)).map((file) => golden(file).outcome)
    expect(own, name).toEqual(expect.arrayContaining(['completed', 'aborted']))
  }
})

test.each(files)('%s replays without a difference, and ends as it did', (file) => {
  const { definition, version, sagaId, outcome, code, events } = golden(file)
  const saga = SAGAS.find((each) => each.name === definition && each.version === version)
  if (saga === undefined) throw new Error(`${definition}@${version} is gone: its histories go with it`)
  const history = foldOf(saga, sagaId, events)
  expect(replay({ definition: saga, sagaId, events: history }).divergence).toBeUndefined()
  expect(history.at(-1)?.after).toMatchObject({ state: outcome, ...(code !== null && { code }) })
})

function golden(file: string) {
  return Golden.parse(JSON.parse(readFileSync(new URL(file, directory), 'utf8')))
}
