export { type AnySaga, anySaga, defineSaga, type SagaDefinition, type Step, type StepMaker } from './definition.ts'
export type { SagaEvent } from './events.ts'
export { endOf, type HistoryEvent, listedAs, readHistory, type SagaHistory, viewOfHistory } from './history.ts'
export { type Notable, type Orphan, type SagaEnd, SagaHost, type SagaHostOptions, sagaReplyConsumer } from './host.ts'
export type { ActOutcome, StartRequest } from './orchestrator.ts'
export { undoDataOf } from './outstanding.ts'
export { consumeSagaCommands, type ParticipantOptions, sagaCommandConsumer } from './participant.ts'
export {
  type DeliverySeen,
  EffectListed,
  type EffectsAfter,
  FenceListed,
  type FenceSeen,
  fencesAfter,
  ParticipantLog,
  participantLog,
} from './participant-log.ts'
export { type Divergence, foldOf, type Replayed, replay } from './replay.ts'
export { shapeOf } from './shape.ts'
export { type SagaStep, type StepContext, sagaStep, streamStep } from './step.ts'
export type { SagaView, StepView } from './view.ts'
export { hasEnded } from './watchers.ts'
