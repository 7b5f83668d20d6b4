// The operator's command line as a process of its own.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { repository } from '../architecture/tree.ts'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `loom` under these settings and none of this process that would lead it elsewhere. */
export function loomIn(settings: Readonly<Record<string, string>>, args: readonly string[]): Promise<Ended> {
  const { DATABASE_ADMIN_URL: _url, DATABASE_URL: _other, LOOMWORKS_HOME: _home, ...inherited } = process.env
  const child = spawn(process.execPath, [join(repository, 'tools', 'loom', 'main.ts'), ...args], {
    cwd: repository,
    env: { ...inherited, ...settings, NO_COLOR: '1' },
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (chunk: string) => (said[name] += chunk))
  return new Promise((done) => child.on('close', (code) => done({ code, ...said })))
}
