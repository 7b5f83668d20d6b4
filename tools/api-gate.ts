// The API as it was released against the API as it is: a difference that breaks a client fails (docs/adr/0009). With `--release` what is there now
// becomes what was released.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { breakingChanges } from './api-changes.ts'

const root = resolve(import.meta.dirname, '..')
const released = join(root, 'docs', 'api', 'released.json')
const current = join(root, 'services', 'gateway', 'openapi.json')

if (process.argv.includes('--release')) {
  writeFileSync(released, `${JSON.stringify(JSON.parse(readFileSync(current, 'utf8')))}\n`)
  console.log('docs/api/released.json is the API as it is now')
} else {
  const broken = breakingChanges(JSON.parse(readFileSync(released, 'utf8')), JSON.parse(readFileSync(current, 'utf8')), new Date().toISOString().slice(0, 10))
  for (const each of broken) console.error(each)
  if (broken.length > 0) console.error('\nClients of the released API would feel this. Add, and keep what there was; see docs/adr/0009.')
  process.exitCode = broken.length === 0 ? 0 : 1
}
