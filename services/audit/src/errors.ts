import { refusals } from '@loomworks/kernel'

export const activity = refusals('activity', {
  filter_invalid: { status: 422, says: 'The filter has a part that is unknown or wrong.', remedy: 'Mend what the filter names.' },
  bad_cursor: { status: 422, code: 'bad_cursor', says: 'The cursor was not given by this list.', remedy: 'Begin without a cursor.' },
})

export const checkpoint = refusals('checkpoint', {
  unknown: { status: 404, says: 'The log has no signed checkpoint yet.', remedy: 'Ask again in a minute.' },
})

export const catalogues = [activity, checkpoint]
