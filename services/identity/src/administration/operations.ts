// How staff looks after persons.
import { endPersonSessionsRoute } from './end-sessions/route.ts'
import { grantRoleRoute } from './grant-role/route.ts'
import { issueEnrolmentRoute } from './issue-enrolment/route.ts'
import { listPersonsRoute } from './list-persons/route.ts'
import { lockPersonRoute } from './lock/route.ts'
import { showPersonRoute } from './show-person/route.ts'
import { takeRoleRoute } from './take-role/route.ts'
import { unlockPersonRoute } from './unlock/route.ts'

export const administrationOperations = [
  listPersonsRoute,
  showPersonRoute,
  lockPersonRoute,
  unlockPersonRoute,
  endPersonSessionsRoute,
  grantRoleRoute,
  takeRoleRoute,
  issueEnrolmentRoute,
]
