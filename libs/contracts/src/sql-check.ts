import type { z } from 'zod'

/** The CHECK of a column that holds a closed set, as a migration writes it. The set is the source; a test compares every such column of
 *  every service with it. */
export function sqlCheck(column: string, set: z.ZodEnum): string {
  return `check (${column} in (${set.options.map((word) => `'${word}'`).join(', ')}))`
}
