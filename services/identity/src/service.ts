// Identity: who is who, how they prove it, who belongs where. The host of the signup saga.
import { fileURLToPath } from 'node:url'
import { defineService } from '@loomworks/service-kit'
import { IdentityConfig } from './config.ts'
import { catalogues } from './errors.ts'
import { beginLoginRoute } from './login/begin/route.ts'
import { finishLoginRoute } from './login/finish/route.ts'
import { checkMembershipRoute } from './membership/check/route.ts'
import { snapshotRoute } from './membership/snapshot/route.ts'
import { type IdentityParts, parts } from './parts.ts'
import { changeDisplayNameRoute } from './person/change-display-name/route.ts'
import { nameCompanionRoute } from './person/name-companion/route.ts'
import { showMeRoute } from './person/show-me/route.ts'
import { personNamesRoute } from './person-names/route.ts'
import { appendPersonFacts } from './person-streams.ts'
import { serviceOfSecret } from './service-secrets.ts'
import { logOutRoute } from './session/log-out/route.ts'
import { sweeping } from './sweeping.ts'
import { introspectRoute } from './token/introspect/route.ts'
import { issueServiceTokenRoute } from './token/issue-service-token/route.ts'
import { publishKeysRoute } from './token/publish-keys/route.ts'

export const identity = defineService<IdentityParts, IdentityConfig>({
  name: 'identity',
  config: IdentityConfig,
  refusals: catalogues,
  migrations: fileURLToPath(new URL('../migrations', import.meta.url)),
  operations: [
    beginLoginRoute,
    finishLoginRoute,
    logOutRoute,
    showMeRoute,
    changeDisplayNameRoute,
    nameCompanionRoute,
    introspectRoute,
    issueServiceTokenRoute,
    publishKeysRoute,
    personNamesRoute,
    checkMembershipRoute,
    snapshotRoute,
  ],
  wire: parts,
  workers: (given) => [sweeping(given)],
  beforePublish: appendPersonFacts,
  serviceOfSecret:
    ({ secrets }) =>
    (authorization) =>
      serviceOfSecret(secrets, authorization),
  keys: ({ signing }) => signing.keys,
})
