// What a command line that reads the stores itself shares with the routes: the same looks through another sight.

export { Planned } from './act/planned.ts'
export { detailOf, SagaDetail } from './detail.ts'
export { sagaDiff } from './diff/route.ts'
export { SagaDifferences } from './differences.ts'
export { findByEmail, findSagas, SagasFound } from './finding.ts'
export { Listing, SagaPage, sagaPage } from './list/route.ts'
export { maskWith } from './masking.ts'
export { momentIn, SagaMoment } from './moment.ts'
export { historyIn, participantsOf, participationsIn, type Sight } from './sight.ts'
export { SagaStats, sagaStats } from './stats/route.ts'
export { SagaTimeline, timelineOf } from './timeline.ts'
export { EventTold } from './told.ts'
