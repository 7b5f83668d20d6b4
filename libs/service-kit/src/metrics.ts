import { Histogram, Registry } from 'prom-client'

export interface ServiceMetrics {
  readonly registry: Registry
  readonly requests: Histogram<'operation' | 'status'>
}

/** Each service has a registry of its own: six of them run in one process when embedded. */
export function serviceMetrics(service: string): ServiceMetrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labelNames: ['operation', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  })
  return { registry, requests }
}
