// One real PostgreSQL for the whole integration run; each test file makes databases of its own in it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../../dev/postgres/index.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The superuser's URL of the run's PostgreSQL. */
    adminUrl: string
  }
}

/** @public Called by vitest, once for a run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'loomworks-test-'))
  const postgres = await startPostgres({
    home,
    // Thrown away at the end, so nothing has to outlive the machine; shared by files of which some run every service in several instances.
    settings: { fsync: false, full_page_writes: false, max_connections: 200 },
    log: { info: () => {}, warn: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`) },
  })
  project.provide('adminUrl', postgres.adminUrl())
  return async () => {
    await postgres.stop()
    rmSync(home, { recursive: true, force: true })
  }
}
