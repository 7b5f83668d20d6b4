// The saga tool as identity offers it.

import { actOnSagaRoute } from './act/route.ts'
import { sagaDiffRoute } from './diff/route.ts'
import { followSagaRoute } from './follow/route.ts'
import { listSagasRoute } from './list/route.ts'
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
]
