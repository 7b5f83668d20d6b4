// npm run generate: everything that is written down twice because a reader needs it, made from the code alone. `npm run verify` fails
// when what it would write is not what is there.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { goldens } from '@loomworks/contracts'
import { openApiOf } from '@loomworks/service-kit'
import { openDatabase } from '@loomworks/sql'
import { migrateAll } from '../dev/migrate.ts'
import { startPostgres } from '../dev/postgres/index.ts'
import { SERVICES } from '../dev/services.ts'
import { closedSetCatalogue, errorCatalogue, messageCatalogue, wellKnownCatalogue } from './catalogues.ts'
import { clientTypes } from './client-types.ts'
import { schemaDump } from './schema-dump.ts'

const root = resolve(import.meta.dirname, '..')
const VERSION = '0.1.0'

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** A published version is never written again: a schema that changed fails the test of the golden samples. */
function writeGoldens(): void {
  for (const golden of goldens()) {
    const path = `libs/contracts/golden/${golden.name}.json`
    if (!existsSync(join(root, path))) write(path, json(golden))
  }
}

async function writeSchemas(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'loomworks-generate-'))
  const postgres = await startPostgres({ home, log: { info: () => undefined, warn: (fields, message) => console.error(message, fields) } })
  const db = openDatabase({ url: postgres.adminUrl(), max: 1, applicationName: 'generate', onError: () => undefined })
  try {
    await migrateAll(db, SERVICES)
    for (const { name, migrations } of SERVICES) if (migrations !== undefined) write(`services/${name}/schema.sql`, await schemaDump(db, name))
  } finally {
    await db.close()
    await postgres.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

writeGoldens()
const api = openApiOf(SERVICES, VERSION)
write('services/gateway/openapi.json', json(api))
write('libs/client/src/generated/api.ts', clientTypes(api))
write('docs/catalogue/messages.md', messageCatalogue())
write('docs/catalogue/errors.md', errorCatalogue(SERVICES))
write('docs/catalogue/well-known.md', wellKnownCatalogue())
write('docs/catalogue/closed-sets.md', closedSetCatalogue())
await writeSchemas()
