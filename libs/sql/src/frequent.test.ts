import { expect, test } from 'vitest'
import { Frequent } from './frequent.ts'
import { prepared, raw, sql } from './sql.ts'

const asked = (id: number) => sql`select name from room where id = ${id}`

test('a statement that keeps coming is given a name, and keeps it whatever its values', () => {
  const frequent = new Frequent()
  const names = Array.from({ length: 8 }, (_, n) => frequent.nameOf(asked(n)))
  expect(names.slice(0, 5)).toEqual(Array.from({ length: 5 }))
  expect(new Set(names.slice(5))).toEqual(new Set(['frequent_1']))
})

test('two frequent statements have two names', () => {
  const frequent = new Frequent()
  const other = sql`select name from guest where id = ${1}`
  for (let n = 0; n < 5; n++) for (const each of [asked(n), other]) frequent.nameOf(each)
  expect([frequent.nameOf(asked(9)), frequent.nameOf(other)]).toEqual(['frequent_1', 'frequent_2'])
})

test('a name that was given is kept, and a text without values is never prepared', () => {
  const frequent = new Frequent()
  for (let n = 0; n < 9; n++) {
    expect(frequent.nameOf(prepared('mine', asked(n)))).toBe('mine')
    expect(frequent.nameOf(raw('select 1; select 2'))).toBeUndefined()
  }
})

test('texts beyond the limit are sent as they are, and those that were counted before keep their names', () => {
  const frequent = new Frequent()
  for (let n = 0; n < 5; n++) frequent.nameOf(asked(n))
  for (let n = 0; n < 600; n++) frequent.nameOf(sql`${raw(`select ${n}`)} + ${n}`)
  const late = () => frequent.nameOf(sql`select late from room where id = ${1}`)
  expect(Array.from({ length: 9 }, late)).toEqual(Array.from({ length: 9 }))
  expect(frequent.nameOf(asked(1))).toBe('frequent_1')
})
