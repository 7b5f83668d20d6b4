// The checks that are programs of their own, run on a tree: this repository, or a copy with a fault planted in it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface Verdict {
  readonly passed: boolean
  readonly said: string
}

export const CRUISED = ['libs', 'services', 'dev', 'tools', 'tests', 'bench']

export interface Cruised {
  readonly sources: ReadonlySet<string>
  /** `<rule>: <from> → <to>. <what to do instead>` */
  readonly violations: readonly string[]
}

/** Who imports whom. */
export async function cruise(root: string): Promise<Cruised> {
  const folders = CRUISED.filter((folder) => existsSync(join(root, folder)))
  const { said } = await runIn(root, 'dependency-cruiser/bin/dependency-cruise.mjs', [
    '--config',
    '.dependency-cruiser.mjs',
    '--output-type',
    'json',
    ...folders,
  ])
  const { modules, summary } = JSON.parse(said) as CruiseOutput
  return {
    sources: new Set(modules.map(({ source }) => source)),
    violations: summary.violations.map(({ rule, from, to, comment }) => `${rule.name}: ${from} → ${to}. ${comment ?? ''}`),
  }
}

interface CruiseOutput {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: {
    readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string; readonly to: string; readonly comment?: string }[]
  }
}

export const deadCode = (root: string): Promise<Verdict> => runIn(root, 'knip/bin/knip.js', ['--no-progress', '--no-config-hints'])

export const types = (root: string): Promise<Verdict> => runIn(root, 'typescript/bin/tsc', ['--noEmit', '--pretty', 'false'])

export const unitTest = (root: string, file: string): Promise<Verdict> => runIn(root, 'vitest/vitest.mjs', ['run', '--project', 'unit', file])

function runIn(root: string, program: string, args: readonly string[]): Promise<Verdict> {
  const child = spawn(process.execPath, [join(root, 'node_modules', program), ...args], { cwd: root, env: { ...process.env, NO_COLOR: '1' } })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
    })
  return new Promise((done, failed) => {
    child.on('error', failed)
    child.on('close', (code) => done({ passed: code === 0, said }))
  })
}
