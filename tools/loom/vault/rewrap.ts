import { rewrap } from '@loomworks/identity/rewrap'
import { Terminal } from '@loomworks/kernel'
import type { Command } from 'commander'
import { embeddedVaultKeys } from '../../../dev/home.ts'
import { withAdminDatabase } from '../database.ts'
import { Failed } from '../failed.ts'
import { tableOf } from '../table.ts'

export function rewrapCommand(vault: Command): void {
  vault
    .command('rewrap')
    .description('Puts everything sealed under the former vault key under the new one, while identity runs with both.')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Example:
  VAULT_KEK_FILE=new.key VAULT_KEK_FORMER_FILE=old.key npx loom vault rewrap

In this order: set both files, restart every identity, run this, take VAULT_KEK_FORMER_FILE away, restart. A start needs both until this has
ended; where it was cut off, run it again. In an embedded home: stop it, move keys/vault.key to keys/vault-former.key, start it, run this, and
remove keys/vault-former.key.`,
    )
    .action(rewrapAll)
}

async function rewrapAll({ json }: { json?: true }): Promise<void> {
  const { VAULT_KEK_FILE, VAULT_KEK_FORMER_FILE, LOOMWORKS_HOME = '.loomworks' } = process.env
  const embedded = embeddedVaultKeys(LOOMWORKS_HOME)
  const current = VAULT_KEK_FILE ?? embedded.current
  const former = VAULT_KEK_FORMER_FILE ?? embedded.former
  if (current === undefined || former === undefined) throw new Failed(2, 'Two keys are needed: set VAULT_KEK_FILE and VAULT_KEK_FORMER_FILE.')
  const done = await withAdminDatabase((db) => rewrap(db, { current, former })).catch((error: unknown) => {
    throw error instanceof Terminal ? new Failed(1, error.message, { cause: error }) : error
  })
  console.log(
    json
      ? JSON.stringify({ rewrapped: done })
      : tableOf(
          ['table', 'rows'],
          done.map(({ table, rows }) => [table, String(rows)]),
        ),
  )
}
