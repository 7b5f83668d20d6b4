import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { client } from '../../app/client.ts'
import { isSessionOver, meQuery, onSessionOver } from '../../app/queries.ts'
import { sagaQuery } from './queries.ts'

export type Line = 'live' | 'reconnecting' | 'offline'

/** Events come in bursts; what they changed is read once behind each. */
const BURST_MS = 150

/** While a saga is open each of its events has the page read anew. Says how the line stands. */
export function useFollowing(id: string, isOpen: boolean, revision: number | undefined): Line | undefined {
  const [line, setLine] = useState<Line>()
  const queries = useQueryClient()
  const isFollowed = isOpen && revision !== undefined
  const isOnline = useSyncExternalStore(onNetwork, () => navigator.onLine)
  // Who signs in again follows on.
  const isIn = !isSessionOver(useQuery(meQuery).error)
  // Where it stood when the page was opened; what came since the line itself tells.
  const [from, setFrom] = useState<number>()
  if (isFollowed && from === undefined) setFrom(revision)
  useEffect(() => {
    if (!isFollowed || !isOnline || !isIn || from === undefined) return
    const leaving = new AbortController()
    let burst: ReturnType<typeof setTimeout> | undefined
    const hear = async () => {
      const news = client.follow('followSaga', { params: { id } }, { lastEventId: String(from), signal: leaving.signal, onState: setLine })
      for await (const _ of news) {
        clearTimeout(burst)
        burst = setTimeout(() => void queries.invalidateQueries(sagaQuery(id)), BURST_MS)
      }
      if (leaving.signal.aborted) return
      // All was said that there is to say; where the saga is open even so, what follows is told by nobody.
      await queries.invalidateQueries(sagaQuery(id))
      if (!leaving.signal.aborted) setLine('offline')
    }
    hear().catch((error: unknown) => {
      setLine('offline')
      onSessionOver(error)
    })
    return () => {
      leaving.abort()
      clearTimeout(burst)
    }
  }, [id, from, isFollowed, isOnline, isIn, queries])
  if (!isFollowed) return undefined
  return isOnline ? line : 'offline'
}

/** The browser knows when the device is off the net; the line is made anew when it is back. */
function onNetwork(tell: () => void): () => void {
  addEventListener('online', tell)
  addEventListener('offline', tell)
  return () => {
    removeEventListener('online', tell)
    removeEventListener('offline', tell)
  }
}
