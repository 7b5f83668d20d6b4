// How much lies before each durable that a service reads from.
import type { Bus, ConsumerSpec } from '@loomworks/bus'
import { Gauge } from 'prom-client'
import type { ServiceMetrics } from './metrics.ts'

export function busMetrics(consumers: readonly ConsumerSpec[], { bus, metrics }: { readonly bus: Bus; readonly metrics: ServiceMetrics }): void {
  new Gauge({
    name: 'bus_pending',
    help: 'Messages before a durable: waiting for a handler, or pending at one.',
    labelNames: ['durable', 'state'],
    registers: [metrics.registry],
    async collect() {
      // What is not known is not told: an old number would look like one.
      this.reset()
      for (const { durable, waiting, pending } of await bus.depth(consumers).catch(() => [])) {
        this.set({ durable, state: 'waiting' }, waiting)
        this.set({ durable, state: 'pending' }, pending)
      }
    },
  })
}
