// What a person does with their sessions.
import { listSessionsRoute } from './list/route.ts'
import { logOutRoute } from './log-out/route.ts'
import { revokeSessionRoute } from './revoke/route.ts'
import { revokeAllSessionsRoute } from './revoke-all/route.ts'
import { revokeOtherSessionsRoute } from './revoke-others/route.ts'

export const sessionOperations = [logOutRoute, listSessionsRoute, revokeSessionRoute, revokeOtherSessionsRoute, revokeAllSessionsRoute]
