import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { OpenStreams } from './open-streams.ts'

const opening = { holder: 'ada', subjects: ['ada'], stillMay: () => Promise.resolve(true) }

/** Of an answer what an open stream needs. */
function answer(state: { readonly destroyed?: boolean } = {}): ServerResponse {
  return Object.assign(new EventEmitter(), { destroyed: false, ...state }) as unknown as ServerResponse
}

test('an answer that has closed already is not counted, for it would be for ever', () => {
  const streams = new OpenStreams()
  for (let at = 0; at < 20; at++) streams.add(answer({ destroyed: true }), opening)
  const open = Array.from({ length: 10 }, () => answer())
  for (const each of open) streams.add(each, opening)
  expect(() => streams.add(answer(), opening)).toThrow(expect.objectContaining({ code: 'too_many_streams' }))
  for (const each of open) each.emit('close')
})
