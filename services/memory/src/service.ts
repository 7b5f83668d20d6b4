// Memory: what a person, their Companion and their collaborators know. The event store is the system of record; everything is added,
// then committed, then perhaps retracted.
import { fileURLToPath } from 'node:url'
import { defineService } from '@loomworks/service-kit'
import { activity } from './activity/projection.ts'
import { auditFeed } from './audit-feed/projection.ts'
import { releaseHeld } from './audit-feed/release.ts'
import { MemoryConfig } from './config.ts'
import { currentMemory } from './current-memory/projection.ts'
import { duplicateMarks } from './duplicates/projection.ts'
import { induct } from './engagement/induct-personal/message.ts'
import { engagementCards } from './engagement-card/projection.ts'
import { refuse } from './errors.ts'
import { keyringWorker } from './keyring/worker.ts'
import { noteMembership } from './membership/note-membership.ts'
import { needsYou } from './needs-you/projection.ts'
import { type MemoryParts, parts } from './parts.ts'

export const memory = defineService<MemoryParts, MemoryConfig>({
  name: 'memory',
  config: MemoryConfig,
  refusals: [refuse],
  migrations: fileURLToPath(new URL('../migrations', import.meta.url)),
  reader: true,
  operations: [],
  sagaSteps: [induct],
  sealer: ({ sealer }) => sealer,
  projections: (given) => [engagementCards, currentMemory, needsYou, activity, duplicateMarks(given), auditFeed(given)],
  hears: [releaseHeld, noteMembership],
  workers: ({ keyring }) => [keyringWorker(keyring)],
  wire: parts,
})
