// Audit: one record for each published fact, committed to one Merkle log.
import { fileURLToPath } from 'node:url'
import { defineService } from '@loomworks/service-kit'
import { myActivityRoute } from './activity/route.ts'
import { checkpointRoute, policyRoute } from './checkpoint/routes.ts'
import { AuditConfig } from './config.ts'
import { catalogues } from './errors.ts'
import { intakeConsumers, intakeWorker } from './intake/intake.ts'
import { type AuditParts, parts } from './parts.ts'

export const audit = defineService<AuditParts, AuditConfig>({
  name: 'audit',
  config: AuditConfig,
  refusals: catalogues,
  migrations: fileURLToPath(new URL('../migrations', import.meta.url)),
  operations: [myActivityRoute, checkpointRoute, policyRoute],
  consumers: intakeConsumers,
  workers: (given) => [intakeWorker(given), { name: 'sequencer', run: (signal) => given.sequencer.run(signal) }],
  wire: parts,
})
