// Audit alone on the embedded adapters, for its own tests.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type ServiceBench, serviceBench } from '@loomworks/testing'
import { audit } from './service.ts'

export const SEED = Buffer.alloc(32, 5)

export function auditBench(adminUrl: string): Promise<ServiceBench> {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'lw-keys-')), 'audit.key')
  writeFileSync(file, SEED.toString('base64url'))
  return serviceBench({ adminUrl, definition: audit, environment: { PUBLIC_ORIGIN: 'http://localhost:4400', AUDIT_KEY_FILE: file } })
}
