import { FeedHeartbeat } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import { heardFeed } from '../feed.ts'
import type { MemoryParts } from '../parts.ts'

/** What was said long ago and is heard only now says nothing about now. */
const FRESH_MS = 60_000

export const noteHeartbeat = on<MemoryParts, typeof FeedHeartbeat.schema>(FeedHeartbeat, async (tx, _data, { at }, { clock }) => {
  if (clock.now() - Date.parse(at) < FRESH_MS) await heardFeed(tx)
})
