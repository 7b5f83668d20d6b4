/** How tests went. Its line is what machines read from the end of a run. */
export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function lineOf({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

export function sumOf(counts: readonly Count[]): Count {
  return counts.reduce((sum, each) => ({ passed: sum.passed + each.passed, failed: sum.failed + each.failed, skipped: sum.skipped + each.skipped }), {
    passed: 0,
    failed: 0,
    skipped: 0,
  })
}
