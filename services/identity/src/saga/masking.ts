// What the saga tool shows of data: what is marked as sensitive, and what no schema knows, is shown as a keyed digest, so that equal
// things stay equal and nothing can be looked up by it.
import { isSensitive } from '@loomworks/contracts'
import type { Json, JsonObject } from '@loomworks/kernel'
import { z } from 'zod'

/** `•••` and eight characters that are the same for the same text. */
export type Mask = (text: string) => string

const MARK = '•••'
const DIGEST_CHARACTERS = 8

export function maskWith(mac: (text: string) => string): Mask {
  return (text) => `${MARK}${mac(text).slice(0, DIGEST_CHARACTERS)}`
}

function isMasked(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(MARK)
}

/** Data as they are shown under their schema; without one nothing is known of them, and all texts are masked. */
export function masked(mask: Mask, schema: z.ZodType | undefined, data: JsonObject): JsonObject {
  const shape: Readonly<Record<string, z.ZodType>> = schema instanceof z.ZodObject ? schema.shape : {}
  return Object.fromEntries(membersOf(data).map(([key, value]) => [key, isPlain(shape[key]) ? value : hidden(mask, value)]))
}

function membersOf(data: JsonObject): readonly (readonly [string, Json])[] {
  return Object.entries(data).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]))
}

function isPlain(field: z.ZodType | undefined): boolean {
  return field !== undefined && !isSensitive(field)
}

function hidden(mask: Mask, value: Json): Json {
  if (typeof value === 'string') return mask(value)
  if (Array.isArray(value)) return value.map((each) => hidden(mask, each))
  if (typeof value === 'object' && value !== null) return Object.fromEntries(membersOf(value as JsonObject).map(([key, each]) => [key, hidden(mask, each)]))
  return typeof value === 'number' ? mask(String(value)) : value
}

/** What was masked and left as it is stays what it was; everything else is what the editor made of it. */
export function unmasked(mask: Mask, edited: Json, original: Json | undefined): Json {
  if (isMasked(edited)) return typeof original === 'string' && mask(original) === edited ? original : edited
  if (Array.isArray(edited)) return edited.map((each, index) => unmasked(mask, each, Array.isArray(original) ? original[index] : undefined))
  if (typeof edited !== 'object' || edited === null) return edited
  const before = typeof original === 'object' && original !== null && !Array.isArray(original) ? (original as JsonObject) : {}
  return Object.fromEntries(membersOf(edited as JsonObject).map(([key, each]) => [key, unmasked(mask, each, before[key])]))
}
