// What a host of sagas refuses to those who ask it, and the codes with which a saga says that something is broken.
import { type RefusalEntry, refusals } from '@loomworks/kernel'

/** A bug, not a business failure: no retry mends it. */
const bug = (says: string): RefusalEntry => ({ status: 500, says, remedy: 'Nothing was left behind. Tell the operator the trace id of this answer.' })
const startRefused = (says: string): RefusalEntry => ({ status: 500, says, remedy: 'Follow the sentence that the host printed when it refused to start.' })

export const refuse = refusals('saga', {
  busy: { status: 503, says: 'Too much is under way, or a store or the bus does not answer.', remedy: 'Try again in a moment; nothing was started.' },
  step_error: bug('A step of this process is broken.'),
  reply_invalid: bug('A participant answered what its message does not allow.'),
  schema: bug('The data of a step do not fit its message.'),
  unknown_step: bug('A participant was asked for a step it does not have.'),
  unknown_version: bug('A participant was asked in a version it does not speak.'),
  input_mismatch: bug('A step was asked for again with other data.'),
  stale_command: bug('A step was asked for with a command of more than seven days ago.'),
  stream_taken: bug('The stream that a step opens is held by something else.'),
  no_answer: bug('A step has not been answered for a minute; it is asked again every minute.'),
  too_long: bug('A saga has more than a thousand events; it is looked at by an operator.'),
  definition_invalid: startRefused('A saga definition breaks a rule.'),
  version_missing: startRefused('Open sagas run on a version that this host lacks.'),
})
