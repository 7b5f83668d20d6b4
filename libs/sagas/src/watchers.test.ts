import { newId, type SagaId } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import type { SagaView } from './view.ts'
import { Watchers } from './watchers.ts'

test('who follows a saga sees it as it stands and each newer state, no state twice, until it has ended', async () => {
  const watchers = new Watchers()
  const id = newId<'saga'>()
  const seen = drained(watchers.follow(id, async () => view(id, 1n, 'running'), new AbortController().signal))
  await Promise.resolve()
  for (const each of [view(id, 1n, 'running'), view(id, 4n, 'committed'), view(id, 3n, 'running'), view(id, 6n, 'completed')]) watchers.tell(each)
  expect(await seen).toEqual([1n, 4n, 6n])
  expect(watchers.awaits(id)).toBe(false)
})

test('who follows a saga that stands still stops when told to', async () => {
  const watchers = new Watchers()
  const id = newId<'saga'>()
  const stopping = new AbortController()
  const seen = drained(watchers.follow(id, async () => undefined, stopping.signal))
  await Promise.resolve()
  stopping.abort()
  expect(await seen).toEqual([])
  expect(watchers.awaits(id)).toBe(false)
})

async function drained(views: AsyncIterable<SagaView>): Promise<readonly bigint[]> {
  const revisions: bigint[] = []
  for await (const { revision } of views) revisions.push(revision)
  return revisions
}

function view(id: SagaId, revision: bigint, state: SagaView['state']): SagaView {
  const at = '2030-01-02T03:04:05.678Z'
  return { id, definition: 'signup', version: 1, state, overlays: [], steps: [], input: {}, ids: {}, startedAt: at, updatedAt: at, replies: {}, revision }
}
