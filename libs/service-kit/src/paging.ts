// Lists go by time, and by id where times are the same. A cursor is the last entry of the page before.
import { z } from 'zod'
import { shared } from './shared-refusals.ts'

const LIMIT = 50

/** The parameters of every list. */
export const page = { limit: z.coerce.number().int().min(1).max(100).default(LIMIT), cursor: z.string().max(200).optional() }

/** Where a page ended. */
export interface Before {
  readonly at: string
  readonly id: string
}

const Cursor = z.tuple([z.iso.datetime(), z.guid()])

function cursorOf({ at, id }: Before): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url')
}

/** 422 `invalid_body` for a cursor we never gave. */
export function placeOf(cursor: string | undefined): Before | undefined {
  if (cursor === undefined) return undefined
  const parsed = Cursor.safeParse(parsedJson(Buffer.from(cursor, 'base64url').toString()))
  if (!parsed.success) throw shared.invalid_body({ errors: [{ pointer: '/query/cursor', code: 'custom', message: 'not a cursor of this list' }] })
  const [at, id] = parsed.data
  return { at, id }
}

/** The entries of a page out of one more than it holds, and the cursor to the next. */
export function paged<T>(rows: readonly T[], limit: number, placed: (row: T) => Before): { readonly rows: readonly T[]; readonly next: string | null } {
  const last = rows.length > limit ? rows[limit - 1] : undefined
  return { rows: rows.slice(0, limit), next: last === undefined ? null : cursorOf(placed(last)) }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
