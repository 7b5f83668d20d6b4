// Every noun and verb of the operator's command line.
import { Command } from 'commander'
import { adminGrantCommand } from './admin/grant.ts'
import { adminOperatorCommand } from './admin/operator.ts'
import { republishCommand } from './bus/republish.ts'
import { migrateCommand } from './migrate/migrate.ts'
import { importPersonsCommand } from './persons/import.ts'
import { actCommands } from './saga/act.ts'
import { deadLetterCommands } from './saga/dead-letters.ts'
import { sagaDiffCommand } from './saga/diff.ts'
import { findSagasCommand } from './saga/find.ts'
import { listSagasCommand } from './saga/list.ts'
import { reconcileSagasCommand } from './saga/reconcile.ts'
import { replaySagasCommand } from './saga/replay.ts'
import { showSagaCommand } from './saga/show.ts'
import { sagaStateCommand } from './saga/state.ts'
import { sagaStatsCommand } from './saga/stats.ts'
import { sagaTimelineCommand } from './saga/timeline.ts'
import { makeSecretsCommand } from './secrets/make.ts'
import { rewrapCommand } from './vault/rewrap.ts'

const SAGA_VERBS = [
  listSagasCommand,
  sagaStatsCommand,
  findSagasCommand,
  showSagaCommand,
  sagaTimelineCommand,
  sagaStateCommand,
  sagaDiffCommand,
  replaySagasCommand,
  actCommands,
  deadLetterCommands,
  reconcileSagasCommand,
]

/** The program; it throws where commander would end the process. */
export function loomProgram(): Command {
  const program = new Command('loom').description('Looks at a Loomworks deployment and keeps it in order.')
  const saga = program.command('saga').description('Sagas: what is under way, and what became of it.')
  for (const add of SAGA_VERBS) add(saga)
  const admin = program.command('admin').description('Who may administer this deployment.')
  adminGrantCommand(admin)
  adminOperatorCommand(admin)
  republishCommand(program.command('bus').description('What services tell each other.'))
  importPersonsCommand(program.command('persons').description('Persons of this deployment.'))
  makeSecretsCommand(program.command('secrets').description('What only one process each may know.'))
  rewrapCommand(program.command('vault').description('What is sealed under the key-encryption key.'))
  migrateCommand(program)
  for (const command of [program, ...verbsOf(program)]) command.exitOverride()
  return program
}

/** Everything below a command, near and far. */
export function verbsOf(command: Command): readonly Command[] {
  return command.commands.flatMap((each) => [each, ...verbsOf(each)])
}
