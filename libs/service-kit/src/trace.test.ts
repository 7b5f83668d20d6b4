import fc from 'fast-check'
import { expect, test } from 'vitest'
import { childTrace } from './trace.ts'

const SHAPE = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
const trace = 'a'.repeat(32)
const span = 'b'.repeat(16)

test('a span of a trace keeps the trace and its flags, and has an id of its own', () => {
  const [first, second] = [childTrace(`00-${trace}-${span}-00`), childTrace(`00-${trace}-${span}-00`)]
  expect(first).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`))
  expect(new Set([first, second, `00-${trace}-${span}-00`]).size).toBe(3)
})

test('what is no trace begins a new one', () => {
  const none = [
    '',
    'x',
    `01-${trace}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}-01-x`,
  ]
  for (const text of none) {
    expect(childTrace(text)).toMatch(SHAPE)
    expect(childTrace(text)).not.toContain(trace)
  }
  fc.assert(fc.property(fc.option(fc.string(), { nil: undefined }), (text) => SHAPE.test(childTrace(text))))
})
