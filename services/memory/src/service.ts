// Memory: what a person, their Companion and their collaborators know. The event store is the system of record; everything is added,
// then committed, then perhaps retracted.
import { fileURLToPath } from 'node:url'
import { defineService } from '@loomworks/service-kit'
import { MemoryConfig } from './config.ts'
import { induct } from './engagement/induct-personal/message.ts'
import { refuse } from './errors.ts'
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
  wire: parts,
})
