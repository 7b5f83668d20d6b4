import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { type Golden, goldens } from './golden.ts'
import { eventTypeOf, parseEventData, STEP_MESSAGES } from './registry.ts'

const directory = new URL('../golden/', import.meta.url)
const files = readdirSync(directory).map((file) => file.replace(/\.json$/, ''))
const read = (name: string): Golden => JSON.parse(readFileSync(new URL(`${name}.json`, directory), 'utf8'))

describe('a published message', () => {
  test.each(goldens().map((golden) => [golden.name, golden] as const))('%s has the schema it was published with', (name, { schema }) => {
    expect(files).toContain(name)
    expect(JSON.parse(JSON.stringify(schema))).toEqual(read(name).schema)
  })
})

describe('the golden sample', () => {
  test.each(files)('%s still parses', (file) => {
    const [, name = '', version = ''] = /^\w+\.([\w-]+)\.v(\d+)$/.exec(file) ?? []
    const { sample } = read(file)
    const event = eventTypeOf(name)
    if (event !== undefined) expect(parseEventData(event, Number(version), sample)).toBeDefined()
    else expect(schemaOfStep(name).parse(sample)).toBeDefined()
  })
})

test('free text has no place in a message: every string has a pattern, a format or a closed set', () => {
  const open = goldens().flatMap(({ name, schema }) => openStrings(schema, name))
  expect(open).toEqual([])
})

function schemaOfStep(name: string): z.ZodType {
  const [step, part] = name.split('-')
  const message = STEP_MESSAGES.find((each) => each.step === step)
  const schema = message?.[part as 'do' | 'done' | 'undo']
  if (schema === undefined) throw new Error(`${name} is in golden/ and in no contract`)
  return schema
}

function openStrings(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { type, pattern, format, enum: words, const: word } = schema as Record<string, unknown>
  if (type === 'string' && pattern === undefined && format === undefined && words === undefined && word === undefined) return [path]
  return Object.entries(schema).flatMap(([key, value]) => (key === 'propertyNames' ? [] : openStrings(value, `${path}/${key}`)))
}
