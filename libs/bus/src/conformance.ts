// What every adapter of the bus must do, told once. A test file of the adapter calls this with a way to make buses on one server and
// to mistreat that server; what an engine cannot show is skipped with the reason.
import { afterAll, beforeAll, describe } from 'vitest'
import { type Bench, TOPOLOGY } from './conformance/bench.ts'
import { consuming } from './conformance/consuming.ts'
import { crowds } from './conformance/crowds.ts'
import { dying } from './conformance/dying.ts'
import { looking } from './conformance/looking.ts'
import { order } from './conformance/order.ts'
import { outages } from './conformance/outages.ts'
import { publishing } from './conformance/publishing.ts'

export type { Bench, Server } from './conformance/bench.ts'

export function busConformance(name: string, makeBench: () => Promise<Bench>): void {
  describe(`bus conformance: ${name}`, () => {
    let made: Bench | undefined
    const bench = (): Bench => {
      if (made === undefined) throw new Error('the bench was not made')
      return made
    }
    beforeAll(async () => {
      made = await makeBench()
      await made.bus.ensure(TOPOLOGY)
    })
    afterAll(() => made?.close())
    describe('publishing', () => publishing(bench))
    describe('consuming', () => consuming(bench))
    describe('order', () => order(bench))
    describe('dead letters', () => dying(bench))
    describe('looking on', () => looking(bench))
    describe('outages', () => outages(bench))
    describe('crowds', () => crowds(bench))
  })
}
