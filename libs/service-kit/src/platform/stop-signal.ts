/** Runs `stop` once at the first SIGINT or SIGTERM, then ends the process. Ctrl-C reaches a process twice, from the terminal and from
 *  whoever started it, so what comes after the first is not a reason to die half way. */
export function onStopSignal(stop: () => Promise<void>): void {
  let stopping: Promise<never> | undefined
  const once = async (): Promise<never> => {
    await stop()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stopping ??= once()
    })
  }
}
