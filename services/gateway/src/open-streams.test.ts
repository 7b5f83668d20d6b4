import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { OpenStreams } from './open-streams.ts'

const opening = { holder: 'ada', subjects: ['ada'], stillMay: () => Promise.resolve(true) }

/** Of an answer what an open stream needs. */
function answer(state: { readonly destroyed?: boolean } = {}) {
  const written: string[] = []
  const parts = { destroyed: false, headersSent: true, statusCode: 200, write: (text: string) => written.push(text), end: () => written.push('<end>') }
  return Object.assign(new EventEmitter(), parts, { written }, state) as unknown as ServerResponse & { readonly written: readonly string[] }
}

test('an answer that has closed already is not counted, for it would be for ever', () => {
  const streams = new OpenStreams()
  for (let at = 0; at < 20; at++) streams.add(answer({ destroyed: true }), opening)
  const open = Array.from({ length: 10 }, () => answer())
  for (const each of open) streams.add(each, opening)
  expect(() => streams.add(answer(), opening)).toThrow(expect.objectContaining({ code: 'too_many_streams' }))
  for (const each of open) each.emit('close')
})

test.each([
  ['before the first event', [], true],
  ['between two', ['id: 1\ndata: {}\n\n'], true],
  ['in the middle of one', ['id: 1\ndata: {}\n\nid: 2\nda'], false],
  ['in the middle of one that came in pieces', ['id: 1\ndata: {}\n', 'data'], false],
  ['behind one that came in pieces', ['id: 1\nda', 'ta: {}\n\n'], true],
])('a stream that ends %s is asked to come back where that can be said', (_where, chunks, isAsked) => {
  const streams = new OpenStreams()
  const open = answer()
  streams.add(open, opening)
  for (const chunk of chunks) streams.passed(open, Buffer.from(chunk))
  streams.end('ada')
  open.emit('close')
  expect(open.written).toEqual([...(isAsked ? [expect.stringMatching(/^retry: \d+\n\n$/)] : []), '<end>'])
})
