/** The start stops here. The message is one sentence a person can act on: what is wrong, and the fix. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused'
}

/** Another living process holds what this one needs. `note` is what it left in its lock, such as its URL. */
export class AlreadyRunning extends StartRefused {
  readonly pid: number
  readonly note: string | undefined

  constructor(message: string, pid: number, note: string | undefined) {
    super(message)
    this.pid = pid
    this.note = note
  }
}

const SAYS: Record<string, (path: string) => string> = {
  EACCES: (path) => `${path} is not writable: give yourself the right to write there, or name another directory with LOOMWORKS_HOME.`,
  EPERM: (path) => `${path} is not writable: give yourself the right to write there, or name another directory with LOOMWORKS_HOME.`,
  EROFS: (path) => `${path} is on a read-only disk: name a directory on another disk with LOOMWORKS_HOME.`,
  ENOSPC: (path) => `The disk of ${path} is full: free 200 MB and start again.`,
  ENOTDIR: (path) => `${path} is not a directory: move the file away, or name another directory with LOOMWORKS_HOME.`,
  EEXIST: (path) => `${path} is not a directory: move the file away, or name another directory with LOOMWORKS_HOME.`,
}

/** Runs file work on `path`; what a person can mend becomes a StartRefused, everything else stays the surprise it is. */
export function orRefuse<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const says = SAYS[(error as NodeJS.ErrnoException).code ?? '']
    throw says === undefined ? error : new StartRefused(says(path), { cause: error })
  }
}
