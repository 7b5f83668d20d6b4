import { operatorGrant } from '@loomworks/identity/operators'
import type { Command } from 'commander'
import { withAdminDatabase } from '../database.ts'
import { Failed } from '../failed.ts'

export function adminOperatorCommand(admin: Command): void {
  admin
    .command('operator')
    .description('Makes a person an operator of the administrative engagement (E0001) or of the commons (E0002).')
    .argument('<engagement>', 'E0001, E0002 or the id of one of them')
    .argument('<person>', 'id or address of an active person')
    .addHelpText(
      'after',
      '\nExample:\n  npx loom admin operator E0002 ada@example.org\n\nUses DATABASE_ADMIN_URL, or the instance that runs in LOOMWORKS_HOME.',
    )
    .action(operator)
}

async function operator(engagement: string, person: string): Promise<void> {
  const granted = await withAdminDatabase((db) => operatorGrant(db, engagement, person))
  if (granted === undefined) throw new Failed(1, 'Nobody active is called so, or the engagement is neither E0001 nor E0002.')
  console.log(`${granted.personId} is ${granted.designations.join(', ')} of ${granted.engagement}.`)
}
