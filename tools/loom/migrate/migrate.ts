import { readFileSync } from 'node:fs'
import { Terminal, Transient } from '@loomworks/kernel'
import { consumersOf, enginesOf, ensureBus } from '@loomworks/service-kit'
import type { Command } from 'commander'
import { z } from 'zod'
import { migrateAll, setPasswords } from '../../../dev/migrate.ts'
import { SERVICES } from '../../../dev/services.ts'
import { withBus } from '../bus/bus.ts'
import { withAdminDatabase } from '../database.ts'
import { Failed } from '../failed.ts'

const Passwords = z.record(z.string(), z.string())

export function migrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('Brings a deployment to this version: roles, schemas, tables, rights, and the streams and durables of the bus.')
    .option('--role-passwords <file>', 'JSON object of role and password: each login role gets its own')
    .addHelpText(
      'after',
      '\nExamples:\n  DATABASE_ADMIN_URL=postgres://… npx loom migrate\n  DATABASE_ADMIN_URL=postgres://… NATS_URL=nats://… npx loom migrate --role-passwords roles.json\n\nEmbedded mode does this at every start.',
    )
    .action(migrate)
}

async function migrate({ rolePasswords }: { readonly rolePasswords?: string }): Promise<void> {
  const applied = await withAdminDatabase(async (db) => {
    const done = await migrateAll(db, SERVICES)
    if (rolePasswords !== undefined) await setPasswords(db, Passwords.parse(JSON.parse(readFileSync(rolePasswords, 'utf8'))))
    return done
  }).catch(failed)
  for (const { schema, files } of applied) console.log(`${schema}: ${files.length === 0 ? 'up to date' : files.join(', ')}`)
  await ensureStreams().catch(failed)
  console.log('bus: streams and durables are as this version expects them')
}

function ensureStreams(): Promise<void> {
  const engines = enginesOf('migrate', process.env, { mayCreate: true })
  return withBus(engines, (bus) => ensureBus(bus, engines, SERVICES.flatMap(consumersOf)))
}

function failed(error: unknown): never {
  if (error instanceof Transient) throw new Failed(3, `The bus does not answer: ${error.message}`, { cause: error })
  throw error instanceof Terminal ? new Failed(1, error.message, { cause: error }) : error
}
