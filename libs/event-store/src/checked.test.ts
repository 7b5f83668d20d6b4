import { newId, Terminal } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { checkedAppend } from './checked.ts'
import { MAX_APPEND_BYTES } from './port.ts'

const event = { id: newId(), type: 'Noted', body: {} }

test('an append is sent with its ids in lower case and its bodies as text', () => {
  const body = { text: 'naïve', nested: [1, null] }
  expect(checkedAppend('person-1', [{ id: event.id.toUpperCase(), type: 'Größe', body }], 'no_stream')).toEqual([
    { id: event.id, type: 'Größe', body: JSON.stringify(body) },
  ])
})

test.each(['', '\u0000', 'person\n1', 'person-\u007f', 'person-\u0085', 'person-\u009f', 'person-\ud800', '\udc00-1'])(
  '%j names no stream and no type',
  (name) => {
    expect(() => checkedAppend(name, [event], 'no_stream')).toThrow(Terminal)
    expect(() => checkedAppend('person-1', [{ ...event, type: name }], 'no_stream')).toThrow(Terminal)
  },
)

test.each(['person-\u00a0', 'größe', '𝄞', 'person 1 ~'])('%j names one', (name) => {
  expect(checkedAppend(name, [{ ...event, type: name }], 0n)).toHaveLength(1)
})

test.each([
  '',
  'note-1',
  event.id.slice(1),
  `${event.id}0`,
  event.id.replace('-', '0'),
  event.id.replaceAll('-', ''),
  `g${event.id.slice(1)}`,
  ` ${event.id.slice(1)}`,
])('%j is no id', (id) => {
  expect(() => checkedAppend('person-1', [{ ...event, id }], 'no_stream')).toThrow(Terminal)
})

test('the size is counted in bytes, over the whole append', () => {
  const half = (id: string, more: number) => ({
    id,
    type: 'N',
    body: { t: 'ä'.repeat((MAX_APPEND_BYTES / 2 - '{"t":""}N'.length - 1) / 2) + 'x'.repeat(1 + more) },
  })
  expect(checkedAppend('person-1', [half(newId(), 0), half(newId(), 0)], 'no_stream')).toHaveLength(2)
  expect(() => checkedAppend('person-1', [half(newId(), 0), half(newId(), 1)], 'no_stream')).toThrow('1048577')
})

test.each([-1n, 2n ** 63n - 1n])('%d is no revision to expect', (revision) => {
  expect(() => checkedAppend('person-1', [event], revision)).toThrow(Terminal)
})
