// What differs between two states, leaf by leaf.
import { z } from 'zod'

const End = z.object({ id: z.string(), revision: z.int() })
const Difference = z.object({ path: z.string(), left: z.unknown().optional(), right: z.unknown().optional() })

export const SagaDifferences = z.object({ left: End, right: End, differences: z.array(Difference) })
export type Difference = z.output<typeof Difference>

/** Members that are on one side alone, and leaves that differ; paths are JSON pointers. */
export function differences(left: unknown, right: unknown, path = ''): readonly Difference[] {
  if (isMembers(left) && isMembers(right)) {
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])]
    return keys.flatMap((key) => differences(left[key], right[key], `${path}/${key}`))
  }
  if (JSON.stringify(left) === JSON.stringify(right)) return []
  return [{ path, ...(left !== undefined && { left }), ...(right !== undefined && { right }) }]
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
