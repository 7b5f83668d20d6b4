// Everything about who belongs where, as the service lists it.
import { changeAgentRoute } from './agent/change/route.ts'
import { createAgentRoute } from './agent/create/route.ts'
import { issueAgentTokenRoute } from './agent/issue-token/route.ts'
import { listAgentsRoute } from './agent/list/route.ts'
import { listAgentTokensRoute } from './agent/list-tokens/route.ts'
import { retireAgentRoute } from './agent/retire/route.ts'
import { revokeAgentTokenRoute } from './agent/revoke-token/route.ts'
import { sponsorAgentRoute } from './agent/sponsor/route.ts'
import { acceptInvitationRoute } from './invitation/accept/route.ts'
import { declineInvitationRoute } from './invitation/decline/route.ts'
import { inviteRoute } from './invitation/invite/route.ts'
import { listInvitationsRoute } from './invitation/list/route.ts'
import { revokeInvitationRoute } from './invitation/revoke/route.ts'
import { checkMembershipRoute } from './membership/check/route.ts'
import { countReferralsRoute } from './membership/count-referrals/route.ts'
import { designateMemberRoute } from './membership/designate/route.ts'
import { listMembersRoute } from './membership/list-members/route.ts'
import { listMyMembershipsRoute } from './membership/list-mine/route.ts'
import { removeMemberRoute } from './membership/remove-member/route.ts'
import { setCommitAuthorityRoute } from './membership/set-commit-authority/route.ts'
import { undesignateMemberRoute } from './membership/undesignate/route.ts'
import { snapshotRoute } from './snapshot/route.ts'
import { exchangeTokenRoute } from './token/exchange/route.ts'

export const belonging = [
  checkMembershipRoute,
  snapshotRoute,
  exchangeTokenRoute,
  listMyMembershipsRoute,
  countReferralsRoute,
  listMembersRoute,
  designateMemberRoute,
  undesignateMemberRoute,
  setCommitAuthorityRoute,
  removeMemberRoute,
  inviteRoute,
  listInvitationsRoute,
  revokeInvitationRoute,
  acceptInvitationRoute,
  declineInvitationRoute,
  createAgentRoute,
  listAgentsRoute,
  changeAgentRoute,
  retireAgentRoute,
  sponsorAgentRoute,
  issueAgentTokenRoute,
  listAgentTokensRoute,
  revokeAgentTokenRoute,
]
