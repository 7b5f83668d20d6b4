/** Resolves after a time; rejects at once when the signal aborts. */
export function waited(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((done, failed) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      return signal?.aborted ? failed(signal.reason) : done()
    }
    const timer = setTimeout(end, signal?.aborted ? 0 : ms)
    signal?.addEventListener('abort', end)
  })
}
