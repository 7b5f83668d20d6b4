// The operator's command line. Exit code: 0 done, 1 something was found wanting, 2 wrong usage, 3 not reachable.
import { Command, CommanderError } from 'commander'
import { adminGrantCommand } from './admin/grant.ts'
import { republishCommand } from './bus/republish.ts'
import { Failed } from './failed.ts'
import { migrateCommand } from './migrate/migrate.ts'
import { listSagasCommand } from './saga/list.ts'
import { showSagaCommand } from './saga/show.ts'
import { makeSecretsCommand } from './secrets/make.ts'

const USAGE = 2
const program = new Command('loom').description('Looks at a Loomworks deployment and keeps it in order.').exitOverride()

const saga = program.command('saga').description('Sagas: what is under way, and what became of it.')
listSagasCommand(saga)
showSagaCommand(saga)
adminGrantCommand(program.command('admin').description('Who may administer this deployment.'))
republishCommand(program.command('bus').description('What services tell each other.'))
makeSecretsCommand(program.command('secrets').description('What only one process each may know.'))
migrateCommand(program)
for (const command of [program, ...program.commands, ...program.commands.flatMap((noun) => noun.commands)]) command.exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE
  else if (error instanceof Failed) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = error.exitCode
  } else throw error
}
