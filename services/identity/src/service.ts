// Identity: who is who, how they prove it, who belongs where. The host of the signup saga.
import { fileURLToPath } from 'node:url'
import { sagaReplyConsumer } from '@loomworks/sagas'
import { defineService } from '@loomworks/service-kit'
import { obeyDecisionOfCredit } from './account/obey-decision/handler.ts'
import { administrationOperations } from './administration/operations.ts'
import { attachStep } from './adopt/attach/message.ts'
import { beginAssertionRoute } from './assertion/begin/route.ts'
import { verifyAssertionRoute } from './assertion/verify/route.ts'
import { belonging } from './belonging.ts'
import { admitClaimStep } from './claim/admit/message.ts'
import { beginClaimRoute } from './claim/begin/route.ts'
import { settleClaimStep } from './claim/settle/message.ts'
import { showClaimRoute } from './claim/show/route.ts'
import { IdentityConfig } from './config.ts'
import { credentialOperations } from './credential/operations.ts'
import { noteDelegation } from './delegation/note-changed/handler.ts'
import { changeEmailRoute } from './email/change/route.ts'
import { verifyEmailRoute } from './email/verify/route.ts'
import { noteOpened } from './engagement-ref/note-opened/handler.ts'
import { noteState } from './engagement-ref/note-state/handler.ts'
import { enrolmentOperations } from './enrolment/operations.ts'
import { catalogues } from './errors.ts'
import { heartbeating } from './heartbeat.ts'
import { beginLoginRoute } from './login/begin/route.ts'
import { finishLoginRoute } from './login/finish/route.ts'
import { recoverLoginRoute } from './login/recover/route.ts'
import { sendMailRoute } from './mail/send/route.ts'
import { issueRoute } from './ova/issue/route.ts'
import { showIssuerRoute } from './ova/show-issuer/route.ts'
import { type IdentityParts, parts } from './parts.ts'
import { changeDisplayNameRoute } from './person/change-display-name/route.ts'
import { nameCompanionRoute } from './person/name-companion/route.ts'
import { showMeRoute } from './person/show-me/route.ts'
import { personNamesRoute } from './person-names/route.ts'
import { appendPersonFacts } from './person-streams.ts'
import { openRegistrationRoute } from './registration/open/route.ts'
import { personsAfter } from './saga/effects.ts'
import { sagaTool } from './saga/operations.ts'
import { secretOperations } from './secret/operations.ts'
import { resolveKeyRoute } from './secret/resolve-key/route.ts'
import { serviceOfSecret } from './service-secrets.ts'
import { sessionOperations } from './session/operations.ts'
import { settingOperations } from './setting/operations.ts'
import { activateStep } from './signup/activate/message.ts'
import { askPasskeyRoute } from './signup/ask-passkey/route.ts'
import { beginSignupRoute } from './signup/begin/route.ts'
import { createPendingStep } from './signup/create-pending/message.ts'
import { followProgressRoute } from './signup/follow-progress/route.ts'
import { hosting } from './signup/hosting.ts'
import { joinCommonsStep } from './signup/join-commons/message.ts'
import { renewTotpRoute } from './signup/renew-totp/route.ts'
import { showProgressRoute } from './signup/show-progress/route.ts'
import { verifyPasskeyRoute } from './signup/verify-passkey/route.ts'
import { verifyTotpRoute } from './signup/verify-totp/route.ts'
import { stepUpOperations } from './step-up/operations.ts'
import { openSubjectKeyRoute } from './subject-key/open/route.ts'
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
    beginSignupRoute,
    askPasskeyRoute,
    verifyPasskeyRoute,
    renewTotpRoute,
    verifyTotpRoute,
    showProgressRoute,
    followProgressRoute,
    beginLoginRoute,
    finishLoginRoute,
    recoverLoginRoute,
    ...sessionOperations,
    ...stepUpOperations,
    ...credentialOperations,
    ...enrolmentOperations,
    ...administrationOperations,
    showMeRoute,
    changeDisplayNameRoute,
    nameCompanionRoute,
    introspectRoute,
    issueServiceTokenRoute,
    publishKeysRoute,
    personNamesRoute,
    changeEmailRoute,
    verifyEmailRoute,
    openRegistrationRoute,
    beginAssertionRoute,
    verifyAssertionRoute,
    issueRoute,
    showIssuerRoute,
    beginClaimRoute,
    showClaimRoute,
    sendMailRoute,
    resolveKeyRoute,
    openSubjectKeyRoute,
    ...settingOperations,
    ...secretOperations,
    ...belonging,
    ...sagaTool,
  ],
  sagaSteps: [createPendingStep, joinCommonsStep, activateStep, admitClaimStep, settleClaimStep, attachStep],
  sagaEffects: ({ db }) => personsAfter(db),
  consumers: [sagaReplyConsumer],
  hears: [noteOpened, noteState, obeyDecisionOfCredit, noteDelegation],
  wire: parts,
  workers: (given) => [sweeping(given), heartbeating(given), hosting(given), given.mail.worker],
  beforePublish: appendPersonFacts,
  serviceOfSecret:
    ({ secrets }) =>
    (authorization) =>
      serviceOfSecret(secrets, authorization),
  keys: ({ signing }) => signing.keys,
})
