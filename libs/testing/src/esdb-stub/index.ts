export { callError } from './messages.ts'
export { EsdbStub } from './stub.ts'
