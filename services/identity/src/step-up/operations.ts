// A fresh proof that a session is still its person's.
import { beginStepUpRoute } from './begin/route.ts'
import { finishStepUpRoute } from './finish/route.ts'

export const stepUpOperations = [beginStepUpRoute, finishStepUpRoute]
