import type { Delivery } from './port.ts'

const EVERY_MS = 2000

/** Runs work for a delivery and says every two seconds that it is still at it: a handler that is slow, for a lock or a busy database, is not
 *  taken for a dead one and given its message twice. */
export async function holding<T>(delivery: Pick<Delivery, 'working'>, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => delivery.working(), EVERY_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
