// The operator's command line. Exit code: 0 done, 1 something was found wanting, 2 wrong usage, 3 not reachable.
import { CommanderError } from 'commander'
import { Failed } from './failed.ts'
import { loomProgram } from './program.ts'

const USAGE = 2

try {
  await loomProgram().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE
  else if (error instanceof Failed) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = error.exitCode
  } else throw error
}
