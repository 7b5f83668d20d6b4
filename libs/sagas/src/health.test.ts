import { Transient } from '@loomworks/kernel'
import { fakeClock } from '@loomworks/testing'
import { expect, test } from 'vitest'
import { Health } from './health.ts'
import { Room } from './room.ts'

test('what does not answer is gone after a second and a half, and is said to have come when it answers again', async () => {
  const clock = fakeClock()
  let up = true
  const bus = () => (up ? Promise.resolve() : Promise.reject(new Transient('no route')))
  const health = new Health({ bus }, () => clock.now())
  await health.probe()
  up = false
  await health.probe()
  expect(health.verdict().ok).toBe(true)
  clock.advance(1600)
  await health.probe()
  expect(health.verdict()).toEqual({ ok: false, detail: 'bus does not answer: no route' })
  up = true
  expect(await health.probe()).toEqual({ came: ['bus'] })
  expect(health.verdict().ok).toBe(true)
})

test('a start that is in no row yet takes its place all the same', async () => {
  const clock = fakeClock()
  let open = 1
  const room = new Room(
    2,
    async () => open,
    () => clock.now(),
  )
  await room.count()
  room.taken()
  await room.count()
  expect(room.isFree()).toBe(false)
  open = 0
  clock.advance(1001)
  await room.count()
  expect(room.isFree()).toBe(true)
})
