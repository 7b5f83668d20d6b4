import type { ServerResponse } from 'node:http'
import { Gauge, Histogram, Registry } from 'prom-client'

export interface ServiceMetrics {
  readonly registry: Registry
  /** Notes how long an operation took to be answered with a status. */
  answered(operation: string, status: string, seconds: number): void
  /** Counts an answer that stays open, until it closes; one that has closed already is not counted. */
  streaming(response: ServerResponse): void
}

/** What is read for a metric, at most once in so long however many ask: one question serves all gauges of a scrape. */
export function readAtMostEvery<T>(everyMs: number, read: () => Promise<T>): () => Promise<T> {
  let asked: { readonly atMs: number; readonly answer: Promise<T> } | undefined
  return () => {
    if (asked === undefined || performance.now() - asked.atMs > everyMs) asked = { atMs: performance.now(), answer: read() }
    return asked.answer
  }
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
  const streams = new Gauge({ name: 'sse_streams', help: 'Event streams that are open now.', registers: [registry] })
  // Finding a series by its labels costs more than counting in it, and there are few of them.
  const series = new Map<string, Histogram.Internal<'operation' | 'status'>>()
  const seriesOf = (operation: string, status: string) => {
    const key = `${operation} ${status}`
    const known = series.get(key) ?? requests.labels({ operation, status })
    series.set(key, known)
    return known
  }
  return {
    registry,
    answered: (operation, status, seconds) => seriesOf(operation, status).observe(seconds),
    streaming(response) {
      if (response.destroyed) return
      streams.inc()
      response.once('close', () => streams.dec())
    },
  }
}
