// The console as files: made once when its sources are newer than what was made, and compressed beforehand, so that the gateway only hands out.
import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { StartRefused } from './start-refused.ts'

const ROOT = join(import.meta.dirname, '..')
const CONSOLE = join(ROOT, 'console')
export const CONSOLE_FILES = join(CONSOLE, 'dist')
const LOCK = join(CONSOLE, '.build.lock')
const SOURCES = ['console/src/**/*', 'console/public/*', 'console/*.{html,json,ts}', 'libs/client/src/**/*.ts', 'package-lock.json']
const COMPRESSED = /\.(?:html|js|css|svg|txt)$/
const ANOTHER_BUILDS_MS = 60_000
const LOOK_EVERY_MS = 100

/** Resolves when the files are those of the sources; builds them where they are not. An image brings the files and no builder. */
export async function consoleBuilt(): Promise<void> {
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js')
  if (!existsSync(vite) || isFresh()) return
  await locked(async () => {
    if (!isFresh()) await build(vite)
  })
}

function isFresh(): boolean {
  const made = statSync(join(CONSOLE_FILES, 'index.html'), { throwIfNoEntry: false })
  return made !== undefined && globSync(SOURCES, { cwd: ROOT }).every((file) => statSync(join(ROOT, file)).mtimeMs <= made.mtimeMs)
}

async function build(vite: string): Promise<void> {
  const draft = `${CONSOLE_FILES}.${process.pid}`
  const child = spawn(process.execPath, [vite, 'build', '--logLevel', 'error', '--outDir', draft], {
    cwd: CONSOLE,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Whatever starts an instance, people get what is made for them and not for developers.
    env: { ...process.env, NODE_ENV: 'production' },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const code = await new Promise<number | null>((done) => child.on('exit', done))
  if (code !== 0) {
    rmSync(draft, { recursive: true, force: true })
    throw new StartRefused(
      `The console could not be built: ${said.trim().split('\n').slice(0, 3).join(' ') || 'the builder said nothing'}. Mend it, or restore console/ with git.`,
    )
  }
  for (const file of readdirSync(draft, { recursive: true, encoding: 'utf8' })) if (COMPRESSED.test(file)) compress(join(draft, file))
  rmSync(CONSOLE_FILES, { recursive: true, force: true })
  renameSync(draft, CONSOLE_FILES)
}

function compress(file: string): void {
  const bytes = readFileSync(file)
  writeFileSync(`${file}.br`, brotliCompressSync(bytes))
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
}

/** One builds, whoever starts meanwhile waits. A lock that is a minute old was left behind. */
async function locked(work: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + ANOTHER_BUILDS_MS
  while (!taken()) {
    if (Date.now() > deadline) rmSync(LOCK, { recursive: true, force: true })
    await delay(LOOK_EVERY_MS)
  }
  try {
    await work()
  } finally {
    rmSync(LOCK, { recursive: true, force: true })
  }
}

function taken(): boolean {
  try {
    mkdirSync(LOCK)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}
