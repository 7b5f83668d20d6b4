import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process of another user counts as alive; one that has ended and only waits for its parent to take note of it does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !fieldsOf(pid)[0]?.startsWith('Z')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** When the process began, in whatever unit the system has; with its pid it names one process for ever. Empty where unknown. */
export function startOf(pid: number): string {
  if (process.platform !== 'linux') return ps(pid, 'lstart=')
  return fieldsOf(pid)[19] ?? ''
}

/** The fields of /proc/<pid>/stat from the third on: the second is the name in brackets and may hold spaces. */
function fieldsOf(pid: number): string[] {
  return proc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? []
}

export function commandOf(pid: number): string {
  return process.platform === 'linux' ? proc(pid, 'cmdline').replaceAll('\0', ' ') : ps(pid, 'command=')
}

function proc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function ps(pid: number, column: string): string {
  try {
    return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return ''
  }
}
