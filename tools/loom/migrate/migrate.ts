import { Terminal } from '@loomworks/kernel'
import type { Command } from 'commander'
import { migrateAll } from '../../../dev/migrate.ts'
import { SERVICES } from '../../../dev/services.ts'
import { withAdminDatabase } from '../database.ts'
import { Failed } from '../failed.ts'

export function migrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('Brings a database to this version: roles, schemas, tables, rights.')
    .addHelpText('after', '\nExample:\n  DATABASE_ADMIN_URL=postgres://… npx loom migrate\n\nEmbedded mode does this at every start.')
    .action(migrate)
}

async function migrate(): Promise<void> {
  const applied = await withAdminDatabase((db) => migrateAll(db, SERVICES)).catch((error: unknown) => {
    throw error instanceof Terminal ? new Failed(1, error.message, { cause: error }) : error
  })
  for (const { schema, files } of applied) console.log(`${schema}: ${files.length === 0 ? 'up to date' : files.join(', ')}`)
}
