// A seed as it is sent: its plain and its sealed fields together.
import { z } from 'zod'
import { SeedPlain, SeedSealed } from './events.ts'

const PAYLOAD_MAX_BYTES = 262_144

const ShapeType = SeedPlain.shape.shapeTypes.element
const { fromShape, contentKind, ...renderType } = SeedPlain.shape.renderTypes.element.shape
const { every, closeAfter } = SeedPlain.shape.cadence.unwrap().shape
export const SeedBody = z
  .strictObject({
    initial_contributors: SeedPlain.shape.initialContributors,
    initial_agents: SeedPlain.shape.initialAgents,
    shape_types: z.array(ShapeType).max(50).default([]),
    render_types: z
      .array(z.strictObject({ ...renderType, from_shape: fromShape, content_kind: contentKind }))
      .max(50)
      .default([]),
    cadence: z.strictObject({ every, close_after: closeAfter }).optional(),
    what_the_work_is: SeedSealed.shape.whatTheWorkIs,
    who_consumes_the_work: SeedSealed.shape.whoConsumesTheWork,
    voice_of_the_work: SeedSealed.shape.voiceOfTheWork,
    constraints: SeedSealed.shape.constraints,
    success_conditions: SeedSealed.shape.successConditions,
    additional_assertions: SeedSealed.shape.additionalAssertions.default({}),
  })
  .refine((seed) => Buffer.byteLength(JSON.stringify(seed)) <= PAYLOAD_MAX_BYTES, { message: `longer than ${PAYLOAD_MAX_BYTES} bytes` })

export interface SeedContent {
  readonly plain: SeedPlain
  readonly sealed: z.output<typeof SeedSealed>
}

export function seedOf(payload: z.output<typeof SeedBody>): SeedContent {
  const { cadence } = payload
  return {
    plain: {
      initialContributors: payload.initial_contributors,
      initialAgents: payload.initial_agents,
      shapeTypes: payload.shape_types,
      renderTypes: payload.render_types.map(({ from_shape, content_kind, ...rest }) => ({ ...rest, fromShape: from_shape, contentKind: content_kind })),
      ...(cadence && { cadence: { every: cadence.every, ...(cadence.close_after !== undefined && { closeAfter: cadence.close_after }) } }),
    },
    sealed: {
      whatTheWorkIs: payload.what_the_work_is,
      whoConsumesTheWork: payload.who_consumes_the_work,
      voiceOfTheWork: payload.voice_of_the_work,
      constraints: payload.constraints,
      successConditions: payload.success_conditions,
      additionalAssertions: payload.additional_assertions,
    },
  }
}
