// What may be sent to be added: one item, or up to a hundred that stand or fall together.
import { MemoryClass } from '@loomworks/contracts'
import { idOf, timeOf } from '@loomworks/kernel'
import { z } from 'zod'
import { refuse } from '../../errors.ts'
import { Ref, SupersedeReason } from '../../vocabulary.ts'
import { AssertionPlain, AssertionSealed } from '../events.ts'
import { SeedBody, seedOf } from '../seed-body.ts'
import type { NewMemory } from './decide.ts'

const MOST_ITEMS = 100

const Assertion = z.strictObject({ ...AssertionPlain.shape, ...AssertionSealed.shape })
/** Normalised, so that what is shown at once is what is shown later. */
const Time = z.iso.datetime({ offset: true }).transform((text) => timeOf(Date.parse(text)))

const around = {
  // Left out it is refused by name: a class is stated, never guessed.
  class: MemoryClass.optional(),
  about: z.array(idOf<'person'>()).max(32).default([]),
  sources: z.array(Ref).max(64).default([]),
  supersedes: z
    .array(z.strictObject({ ref: Ref, why: SupersedeReason.default('refined') }))
    .max(64)
    .default([]),
  valid_from: Time.optional(),
  valid_to: Time.optional(),
}
const Item = z.discriminatedUnion('type', [
  z.strictObject({ ...around, type: z.literal('assertion'), payload: Assertion }),
  z.strictObject({ ...around, type: z.literal('seed'), payload: SeedBody }),
  // Types that are recorded by the command that performs the act.
  z.strictObject({ ...around, type: z.enum(['engagement', 'seed_induction_loop_cycle', 'consent']), payload: z.looseObject({}) }),
])
const One = z.discriminatedUnion('type', [
  Item.options[0].extend({ commit: z.boolean().default(false) }),
  z.strictObject({ ...around, type: z.literal('seed'), payload: SeedBody, commit: z.boolean().default(false) }),
  Item.options[2].extend({ commit: z.boolean().default(false) }),
])
const Many = z.strictObject({ items: z.array(Item).min(1).max(MOST_ITEMS), commit: z.boolean().default(false) })

export interface Added {
  readonly items: readonly z.output<typeof Item>[]
  readonly commit: boolean
  readonly batch: boolean
}

/** One schema or the other, by whether there are `items`: so a fault is told where it is. */
export const AddBody = z
  .looseObject({})
  .meta({ anyOf: [One, Many].map(described) })
  .transform((raw, context): Added => {
    const parsed = 'items' in raw ? Many.safeParse(raw) : One.safeParse(raw)
    if (parsed.success) return addedOf(parsed.data)
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: raw } as (typeof context.issues)[number])
    return z.NEVER
  })

function described(schema: z.ZodType): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}

function addedOf(body: z.output<typeof One> | z.output<typeof Many>): Added {
  if ('items' in body) return { items: body.items, commit: body.commit, batch: true }
  const { commit, ...item } = body
  return { items: [item], commit, batch: false }
}

/** The item as the decision takes it. 409 `type_not_addable`, 422 `class_required`. */
export function newMemory(item: z.output<typeof Item>, n: number): NewMemory {
  const { class: memoryClass, about, sources, supersedes, valid_from: validFrom, valid_to: validTo } = item
  if (item.type !== 'assertion' && item.type !== 'seed') throw refuse.type_not_addable()
  if (memoryClass === undefined) throw refuse.class_required()
  const stated = { n, class: memoryClass, about, sources, supersedes, validFrom, validTo }
  if (item.type === 'assertion') {
    const { kind, ...sealed } = item.payload
    return { ...stated, type: 'assertion', plain: { kind }, sealed }
  }
  return { ...stated, type: 'seed', ...seedOf(item.payload) }
}
