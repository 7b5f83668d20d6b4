// Making one's factors anew with a token of an administrator's.
import { beginEnrolmentRoute } from './begin/route.ts'
import { cancelEnrolmentRoute } from './cancel/route.ts'
import { finishEnrolmentRoute } from './finish/route.ts'
import { showEnrolmentRoute } from './show/route.ts'

export const enrolmentOperations = [beginEnrolmentRoute, finishEnrolmentRoute, showEnrolmentRoute, cancelEnrolmentRoute]
