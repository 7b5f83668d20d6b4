// What a published message looked like when it was published: its JSON Schema and one sample, kept for ever in `golden/`. A schema
// that differs from its file is a new version that was not said.
import { z } from 'zod'
import type { EventType, StepMessage } from './message.ts'
import { EVENT_TYPES, STEP_MESSAGES } from './registry.ts'

export interface Golden {
  /** `<service>.<name>.v<version>`, the file without its ending. */
  readonly name: string
  readonly schema: unknown
  readonly sample: unknown
}

/** One for each event, and for a saga step one for what is ordered, answered and undone. */
export function goldens(): readonly Golden[] {
  return [...EVENT_TYPES.map(ofEvent), ...STEP_MESSAGES.flatMap(ofStep)]
}

function ofEvent({ service, name, v, schema, sample }: EventType): Golden {
  return { name: `${service}.${name}.v${v}`, schema: schemaOf(schema), sample }
}

function ofStep({ service, step, v, do: ordered, done, undo, sample }: StepMessage): readonly Golden[] {
  const parts = { do: ordered, done, ...(undo && { undo }) }
  return Object.entries(parts).map(([part, schema]) => ({
    name: `${service}.${step}-${part}.v${v}`,
    schema: schemaOf(schema),
    sample: sample[part as keyof typeof sample],
  }))
}

/** The JSON Schema (2020-12) of what a message holds, as it is sent. */
function schemaOf(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
}
