import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process of another user counts as alive. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** When the process began, in whatever unit the system has; with its pid it names one process for ever. Empty where unknown. */
export function startOf(pid: number): string {
  if (process.platform !== 'linux') return ps(pid, 'lstart=')
  // The second field is the name in brackets and may hold spaces; the start is the 20th field after it.
  const afterName = proc(pid, 'stat').split(') ').at(-1) ?? ''
  return afterName.split(' ')[19] ?? ''
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
