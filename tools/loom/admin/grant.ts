import { adminGrant } from '@loomworks/identity/roles'
import type { Command } from 'commander'
import { withAdminDatabase } from '../database.ts'
import { Failed } from '../failed.ts'

export function adminGrantCommand(admin: Command): void {
  admin
    .command('grant')
    .description('Gives the roles admin and ops to the person with this address.')
    .argument('<e-mail>', 'address of an active person')
    .addHelpText('after', '\nExample:\n  npx loom admin grant ada@example.org\n\nUses DATABASE_ADMIN_URL, or the instance that runs in LOOMWORKS_HOME.')
    .action(grant)
}

async function grant(email: string): Promise<void> {
  const granted = await withAdminDatabase((db) => adminGrant(db, email))
  if (granted === undefined) throw new Failed(1, 'Nobody active has this address: sign up first.')
  console.log(`${granted.personId} has the roles ${granted.roles.join(', ')}.`)
}
