// What a dead letter holds: the message that its subject promises, its data shown without what is sensitive, and whether it fits.
import { BusEvent, eventTypeOf, SagaCommand, SagaReply, STEP_MESSAGES, UndoEffect } from '@loomworks/contracts'
import { type Json, type JsonObject, sha256 } from '@loomworks/kernel'
import { z } from 'zod'
import { type Mask, masked, unmasked } from '../masking.ts'
import type { Letter } from './letters.ts'

interface Promised {
  readonly whole: z.ZodObject
  /** Of the member `data`; undefined where nobody knows it. */
  readonly data: z.ZodType | undefined
  /** Members that the subject says too: they stay as they are. */
  readonly fixed: readonly string[]
}

/** The schemas of the message that belongs on a subject; undefined for a subject that nobody reads. */
function promisedOn(subject: string): Promised | undefined {
  const [area = '', second = '', third = '', fourth = '', fifth = '', sixth = ''] = subject.split('.')
  if (area === 'evt') return { whole: BusEvent, data: eventTypeOf(fifth)?.schema, fixed: ['type', 'entity', 'v'] }
  if (area !== 'saga') return undefined
  if (second === 'cmd') {
    const message = STEP_MESSAGES.find((each) => each.service === third && each.step === fifth)
    return { whole: SagaCommand, data: sixth === 'undo' ? message?.undo : message?.do, fixed: ['sagaId', 'step', 'dir', 'v'] }
  }
  const message = STEP_MESSAGES.find((each) => each.step === fourth)
  return { whole: SagaReply, data: message === undefined ? undefined : z.union([message.done, UndoEffect]), fixed: ['sagaId', 'step', 'dir', 'v'] }
}

export const LetterData = z.object({
  /** Does it fit its schema? */
  fits: z.boolean(),
  bytes: z.int(),
  sha256: z.string(),
  /** The message; absent where it is no JSON object. */
  message: z.record(z.string(), z.unknown()).optional(),
})

export function shownMessage(mask: Mask, { origin, data }: Letter): z.output<typeof LetterData> {
  const promised = promisedOn(origin.subject)
  const message = objectIn(data)
  return {
    fits: faultsIn(promised, message).length === 0,
    bytes: Buffer.byteLength(data),
    sha256: sha256(data),
    ...(message !== undefined && { message: shown(mask, promised, message) }),
  }
}

/** The members that every message has are ids and closed words; its data are shown by their own schema. */
function shown(mask: Mask, promised: Promised | undefined, message: JsonObject): Record<string, unknown> {
  const { data, ...around } = message
  const shownData = isObject(data) ? masked(mask, dataSchema(promised, message), data) : masked(mask, undefined, { data }).data
  return { ...masked(mask, promised?.whole, around), ...(data !== undefined && { data: shownData }) }
}

/** A reply's data are an answer or an undo's effect; a union shows no members. */
function dataSchema(promised: Promised | undefined, message: JsonObject): z.ZodType | undefined {
  const schema = promised?.data
  if (!(schema instanceof z.ZodUnion)) return schema
  return (message.dir === 'undo' ? schema.options[1] : schema.options[0]) as z.ZodType
}

export interface Fault {
  readonly pointer: string
  readonly code: string
  readonly message: string
}

export type Edited = { readonly ok: true; readonly data: string } | { readonly ok: false; readonly faults: readonly Fault[] }

/** The message as it was edited, checked against its schema. What was shown masked and left so is what it was. */
export function editedMessage(mask: Mask, { origin, data }: Letter, edit: Readonly<Record<string, unknown>>): Edited {
  const original = objectIn(data)
  const promised = promisedOn(origin.subject)
  const message = unmasked(mask, edit as Json, original as Json | undefined) as JsonObject
  const moved = (promised?.fixed ?? []).filter((key) => original?.[key] !== undefined && message[key] !== original[key])
  const faults = [
    ...faultsIn(promised, message),
    ...moved.map((key) => ({ pointer: `/${key}`, code: 'fixed', message: 'belongs to the subject and stays as it is' })),
  ]
  return faults.length === 0 ? { ok: true, data: JSON.stringify(message) } : { ok: false, faults }
}

function faultsIn(promised: Promised | undefined, message: JsonObject | undefined): readonly Fault[] {
  if (promised?.data === undefined || message === undefined) return [{ pointer: '', code: 'unknown', message: 'no contract knows such a message' }]
  const whole = promised.whole.safeParse(message)
  const data = dataFaults(promised, message)
  return [...issuesOf(whole.error, ''), ...data]
}

/** An answer that is none carries no data. */
function dataFaults(promised: Promised, message: JsonObject): readonly Fault[] {
  if (message.data === undefined) return []
  return issuesOf(dataSchema(promised, message)?.safeParse(message.data).error, '/data')
}

function issuesOf(error: z.ZodError | undefined, under: string): readonly Fault[] {
  return (error?.issues ?? []).slice(0, 20).map(({ path, code, message }) => ({ pointer: `${under}/${path.join('/')}`, code, message }))
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
