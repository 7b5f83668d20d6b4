// Memory: what a person, their Companion and their collaborators know. The event store is the system of record; everything is added,
// then committed, then perhaps retracted.
import { fileURLToPath } from 'node:url'
import { defineService } from '@loomworks/service-kit'
import { activity } from './activity/projection.ts'
import { auditFeed } from './audit-feed/projection.ts'
import { releaseHeld } from './audit-feed/release.ts'
import { MemoryConfig } from './config.ts'
import { listMemoryRoute } from './current-memory/list/route.ts'
import { currentMemory } from './current-memory/projection.ts'
import { showMemoryRoute } from './current-memory/show/route.ts'
import { showHistoryRoute } from './current-memory/show-history/route.ts'
import { activeDashboardRoute } from './dashboard/active/route.ts'
import { needsYouDashboardRoute } from './dashboard/needs-you/route.ts'
import { recentDashboardRoute } from './dashboard/recent/route.ts'
import { duplicateMarks } from './duplicates/projection.ts'
import { addMemoryRoute } from './engagement/add-memory/route.ts'
import { archiveEngagementRoute } from './engagement/archive-engagement/route.ts'
import { commitMemoryRoute } from './engagement/commit-memory/route.ts'
import { induct } from './engagement/induct-personal/message.ts'
import { openEngagementRoute } from './engagement/open-engagement/route.ts'
import { retractMemoryRoute } from './engagement/retract-memory/route.ts'
import { personalEngagementsAfter } from './engagement-card/effects.ts'
import { listEngagementsRoute } from './engagement-card/list/route.ts'
import { noteRename } from './engagement-card/note-rename.ts'
import { engagementCards } from './engagement-card/projection.ts'
import { resolveAddressRoute } from './engagement-card/resolve-address/route.ts'
import { showEngagementRoute } from './engagement-card/show/route.ts'
import { refuse } from './errors.ts'
import { keyringWorker } from './keyring/worker.ts'
import { noteHeartbeat } from './membership/note-heartbeat.ts'
import { noteMemberships } from './membership/note-membership.ts'
import { needsYou } from './needs-you/projection.ts'
import { type MemoryParts, parts } from './parts.ts'

export const memory = defineService<MemoryParts, MemoryConfig>({
  name: 'memory',
  config: MemoryConfig,
  refusals: [refuse],
  migrations: fileURLToPath(new URL('../migrations', import.meta.url)),
  reader: true,
  operations: [
    listEngagementsRoute,
    openEngagementRoute,
    archiveEngagementRoute,
    showEngagementRoute,
    resolveAddressRoute,
    addMemoryRoute,
    listMemoryRoute,
    showMemoryRoute,
    showHistoryRoute,
    commitMemoryRoute,
    retractMemoryRoute,
    activeDashboardRoute,
    needsYouDashboardRoute,
    recentDashboardRoute,
  ],
  sagaSteps: [induct],
  sagaEffects: ({ db }) => personalEngagementsAfter(db),
  sealer: ({ sealer }) => sealer,
  projections: (given) => [engagementCards, currentMemory, needsYou, activity, duplicateMarks(given), auditFeed(given)],
  hears: [releaseHeld, ...noteMemberships, noteHeartbeat, noteRename],
  workers: ({ keyring }) => [keyringWorker(keyring)],
  wire: parts,
})
