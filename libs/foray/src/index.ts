export { type CommittedRecord, commit, contentHashOf, entryOf, headCommitment, partCommitment } from './commitment.ts'
export { draftOf, type Incoming } from './draft.ts'
export { type Checkpoint, checkpointText, type NoteSigner, noteSigner, openNote, parseCheckpoint } from './note.ts'
export { type Draft, Head } from './record.ts'
export {
  consistencyProof,
  type Frontier,
  grown,
  inclusionProof,
  leafHash,
  type NodeAt,
  nodeHash,
  rangeRoot,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from './tree.ts'
export { ActorKind, Fact, ForayClass, ForayType, OwnerKind, WhoRole } from './vocabulary.ts'
