import { eventually, fakeClock } from '@loomworks/testing'
import { expect, inject, test } from 'vitest'
import { sayHeartbeat } from './heartbeat.ts'
import { identityBench } from './identity-bench.ts'

test('identity says that it can be heard, once for each ten seconds, however many instances say so', async () => {
  const clock = fakeClock()
  await using bench = await identityBench({ adminUrl: inject('adminUrl'), clock })
  const parts = { db: bench.db, clock, relay: { wake: () => undefined } } as unknown as Parameters<typeof sayHeartbeat>[0]
  const said = () => bench.told('FeedHeartbeat')
  await eventually(async () => expect(await said()).toHaveLength(1))
  await Promise.all([sayHeartbeat(parts), sayHeartbeat(parts), sayHeartbeat(parts)])
  expect(await said()).toHaveLength(1)
  clock.advance(10_000)
  await Promise.all([sayHeartbeat(parts), sayHeartbeat(parts)])
  const beats = (await said()).map(({ data }) => data.beat)
  expect(beats).toEqual([beats[0], Number(beats[0]) + 1])
  await eventually(async () => expect(await Array.fromAsync(bench.platform.bus.browse('EVENTS', 'evt.identity.*.feed.FeedHeartbeat'))).not.toEqual([]))
})
