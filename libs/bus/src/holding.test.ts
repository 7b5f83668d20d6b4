import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { holding } from './holding.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('while work takes long, its delivery is held every two seconds; afterwards no more', async () => {
  const working = vi.fn()
  let end: (result: string) => void = () => undefined
  const work = holding({ working }, () => new Promise<string>((resolve) => (end = resolve)))
  await vi.advanceTimersByTimeAsync(5000)
  expect(working).toHaveBeenCalledTimes(2)
  end('done')
  expect(await work).toBe('done')
  await vi.advanceTimersByTimeAsync(5000)
  expect(working).toHaveBeenCalledTimes(2)
})

test('work that fails lets go of its delivery too', async () => {
  const working = vi.fn()
  await expect(holding({ working }, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  await vi.advanceTimersByTimeAsync(5000)
  expect(working).not.toHaveBeenCalled()
})
