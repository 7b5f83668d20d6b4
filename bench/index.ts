import { append } from './append.ts'
import { auditAppend } from './audit.ts'
import type { Benchmark } from './benchmark.ts'
import { bus } from './bus.ts'
import { crowd } from './crowd.ts'
import { distributed } from './distributed.ts'
import { eventStoreDb } from './eventstoredb.ts'
import { gateway } from './gateway.ts'
import { login } from './login.ts'
import { oracle } from './oracle.ts'
import { rebuild } from './rebuild.ts'
import { revocation } from './revocation.ts'
import { signup } from './signup.ts'
import { start } from './start.ts'
import { token } from './token.ts'
import { visible } from './visible.ts'

export const BENCHMARKS: readonly Benchmark[] = [
  append,
  eventStoreDb,
  visible,
  rebuild,
  auditAppend,
  bus,
  gateway,
  crowd,
  token,
  revocation,
  login,
  oracle,
  signup,
  distributed,
  start,
]
