import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { serviceMetrics } from './metrics.ts'

test('a stream is counted while it is open, and one that has closed already is not', async () => {
  const metrics = serviceMetrics('memory')
  const open = async () => (await metrics.registry.getSingleMetric('sse_streams')?.get())?.values.map(({ value }) => value)
  const answer = (destroyed: boolean) => Object.assign(new EventEmitter(), { destroyed }) as unknown as ServerResponse
  metrics.streaming(answer(true))
  expect(await open()).toEqual([0])
  const stays = answer(false)
  metrics.streaming(stays)
  expect(await open()).toEqual([1])
  stays.emit('close')
  expect(await open()).toEqual([0])
})
