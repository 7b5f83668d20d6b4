// What a host of sagas refuses to those who ask it.
import { refusals } from '@loomworks/kernel'

export const refuse = refusals('saga', {
  busy: { status: 503, says: 'Too much is under way, or a store or the bus does not answer.', remedy: 'Try again in a moment; nothing was started.' },
  not_found: { status: 404, says: 'There is no such saga.', remedy: 'Check the id.' },
})
