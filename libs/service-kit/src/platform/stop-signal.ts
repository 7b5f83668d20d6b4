/** Runs `stop` once at the first SIGINT or SIGTERM, then ends the process. Ctrl-C reaches a process twice, from the terminal and from
 *  whoever started it, so what comes after the first is no reason to die half way. */
export function onStopSignal(stop: () => Promise<void>): void {
  let begun = false
  const stopOnce = () => {
    if (begun) return
    begun = true
    void stop().then(() => process.exit(0))
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stopOnce)
}
