/** A command that ends with one sentence and an exit code: 1 found wanting, 2 wrong usage, 3 not reachable. */
export class Failed extends Error {
  readonly exitCode: 1 | 2 | 3
  constructor(exitCode: 1 | 2 | 3, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
