// Credit: who was given credit, and what is left of it. Grants, and a double-entry ledger that only grows.
import { fileURLToPath } from 'node:url'
import { defineService } from '@loomworks/service-kit'
import { openAccount } from './account/open-account/handler.ts'
import { CreditConfig } from './config.ts'
import { catalogues } from './errors.ts'
import { claimGrantRoute } from './grant/claim-grant/route.ts'
import { confirm } from './grant/confirm-grant/step.ts'
import { grantsAfter } from './grant/effects.ts'
import { expireGrants } from './grant/expire-grants/expire.ts'
import { issueGrantRoute } from './grant/issue-grant/route.ts'
import { reserve } from './grant/reserve-grant/step.ts'
import { myCreditRoute } from './my-credit/route.ts'
import { type CreditParts, parts } from './parts.ts'

export const credit = defineService<CreditParts, CreditConfig>({
  name: 'credit',
  config: CreditConfig,
  refusals: catalogues,
  migrations: fileURLToPath(new URL('../migrations', import.meta.url)),
  operations: [myCreditRoute, issueGrantRoute, claimGrantRoute],
  sagaSteps: [reserve, confirm],
  sagaEffects: ({ db }) => grantsAfter(db),
  hears: [openAccount],
  workers: (given) => [expireGrants(given)],
  wire: parts,
})
