// The saga tool as identity offers it.

import { actOnSagaRoute } from './act/route.ts'
import { discardDeadLetterRoute } from './dead-letter/discard/route.ts'
import { listDeadLettersRoute } from './dead-letter/list/route.ts'
import { redriveDeadLetterRoute } from './dead-letter/redrive/route.ts'
import { showDeadLetterRoute } from './dead-letter/show/route.ts'
import { sagaDiffRoute } from './diff/route.ts'
import { followSagaRoute } from './follow/route.ts'
import { listSagasRoute } from './list/route.ts'
import { reconcileSagasRoute } from './reconcile/route.ts'
import { replaySagaRoute, replaySagasRoute } from './replay/routes.ts'
import { searchSagasByEmailRoute, searchSagasRoute } from './search/routes.ts'
import { showSagaRoute } from './show/route.ts'
import { sagaStateRoute } from './state/route.ts'
import { sagaStatsRoute } from './stats/route.ts'
import { sagaTimelineRoute } from './timeline/route.ts'

export const sagaTool = [
  listSagasRoute,
  sagaStatsRoute,
  searchSagasRoute,
  searchSagasByEmailRoute,
  showSagaRoute,
  sagaTimelineRoute,
  followSagaRoute,
  sagaStateRoute,
  sagaDiffRoute,
  actOnSagaRoute,
  replaySagaRoute,
  replaySagasRoute,
  reconcileSagasRoute,
  listDeadLettersRoute,
  showDeadLetterRoute,
  redriveDeadLetterRoute,
  discardDeadLetterRoute,
]
