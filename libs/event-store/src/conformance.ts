// What every adapter of the event store must do, told once. A test file of the adapter calls this with a way to make stores on
// one log; what an engine cannot show is skipped with the reason.
import { afterAll, beforeAll, describe } from 'vitest'
import { appending } from './conformance/appending.ts'
import type { Bench } from './conformance/bench.ts'
import { concurrency } from './conformance/concurrency.ts'
import { reading } from './conformance/reading.ts'
import { subscribing } from './conformance/subscribing.ts'

export type { Bench } from './conformance/bench.ts'

export function eventStoreConformance(name: string, makeBench: () => Promise<Bench>): void {
  describe(`event store conformance: ${name}`, () => {
    let made: Bench | undefined
    const bench = (): Bench => {
      if (made === undefined) throw new Error('the bench was not made')
      return made
    }
    beforeAll(async () => {
      made = await makeBench()
    })
    afterAll(() => made?.close())
    describe('appending', () => appending(bench))
    describe('reading', () => reading(bench))
    describe('subscribing', () => subscribing(bench))
    describe('many writers', () => concurrency(bench))
  })
}
