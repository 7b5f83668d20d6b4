// Credit alone on the embedded adapters, for its own tests.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Clock, emailHashes, newId, type PersonId } from '@loomworks/kernel'
import { type Client, type ServiceBench, serviceBench } from '@loomworks/testing'
import { credit } from './service.ts'

const PEPPER = Buffer.alloc(32, 7)
export const hashesOf = (address: string) => emailHashes(PEPPER, address)

export const GRANT = { recipient_email: 'ada@example.org', grant_kind: 'operator_curated', asset_id: 'loomworks_credit_sonnet', credit_amount: '100000' }

export function creditBench(adminUrl: string, clock?: Clock): Promise<ServiceBench> {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'lw-keys-')), 'pepper.key')
  writeFileSync(file, PEPPER.toString('base64url'))
  const environment = { PUBLIC_ORIGIN: 'http://localhost:4400', EMAIL_PEPPER_FILE: file }
  return serviceBench({ adminUrl, definition: credit, environment, ...(clock && { clock }) })
}

/** Somebody with the role admin and a fresh passkey proof, who uses a new Idempotency-Key for each write. */
export function admin(bench: ServiceBench, id: PersonId = newId()): Client {
  const person = bench.person(id, { roles: ['admin'], scopes: ['admin.grants'], steppedUp: true })
  return { ...person, post: (url, body, ask = {}) => person.post(url, body, { ...ask, headers: { 'idempotency-key': newId(), ...ask.headers } }) }
}
