// A row of the list of sagas as the tool shows it, and the words of a cursor.
import { SagaName, SagaOverlay, SagaState } from '@loomworks/contracts'
import { idOf, type SagaId } from '@loomworks/kernel'
import { listedAs, type SagaHistory } from '@loomworks/sagas'
import { z } from 'zod'
import type { Place, SagaRow } from './queries.ts'

export const SagaListed = z.object({
  id: idOf<'saga'>(),
  definition: SagaName,
  version: z.int(),
  state: SagaState,
  overlays: z.array(SagaOverlay),
  /** The step that is waited for, or that it failed with, its attempts, and the last that went wrong. */
  step: z.string().nullable(),
  attempts: z.int(),
  error_class: z.string().nullable(),
  code: z.string().nullable(),
  started_at: z.string(),
  updated_at: z.string(),
  next_due_at: z.string().nullable(),
  age_ms: z.int(),
  /** How long it took; by now, where it is open. */
  duration_ms: z.int(),
})
export type SagaListed = z.output<typeof SagaListed>

export function listed({ saga_id: id, overlay: overlays, duration_ms, ...row }: SagaRow, nowMs: number): SagaListed {
  const age_ms = Math.max(0, nowMs - Date.parse(row.started_at))
  return { id, ...row, overlays, age_ms, duration_ms: duration_ms === null ? age_ms : Number(duration_ms) }
}

/** The row as the stream says that it is. */
export function rowOfHistory(history: SagaHistory): SagaRow {
  const { sagaId, definition, version, state, overlay, step, attempts, errorClass, code, startedAt, updatedAt, nextDueAt, durationMs } = listedAs(history)
  return {
    saga_id: sagaId,
    definition,
    version,
    state,
    overlay: [...overlay],
    step,
    attempts,
    error_class: errorClass,
    code,
    started_at: startedAt,
    updated_at: updatedAt,
    next_due_at: nextDueAt,
    duration_ms: durationMs === null ? null : BigInt(durationMs),
  }
}

/** A number or a time, and a saga. */
export const Cursor = z
  .string()
  .regex(/^(?:\d{1,15}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)~[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  .refine((cursor) => !cursor.includes('T') || !Number.isNaN(Date.parse(placeIn(cursor).value)), { message: 'names no time' })

export function cursorOf({ value, sagaId }: Place): string {
  return `${value}~${sagaId}`
}

export function placeIn(cursor: string): Place {
  const [value = '', sagaId = ''] = cursor.split('~')
  return { value, sagaId: sagaId as SagaId }
}
