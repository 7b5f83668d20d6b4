export { callError } from './messages.ts'
export { esdbStage, type Stage } from './stage.ts'
export { EsdbStub } from './stub.ts'
