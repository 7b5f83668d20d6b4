// Memory alone on the embedded adapters, for its own tests: with persons who have signed up.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inductPersonalEngagement, PersonActivated, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { type Clock, derivedId, type EngagementId, newId, type PersonId, type SagaId } from '@loomworks/kernel'
import { exec, maybe, sql } from '@loomworks/sql'
import { type Client, eventually, type ServiceBench, serviceBench } from '@loomworks/testing'
import { z } from 'zod'
import { memory } from './service.ts'

/** Ready once its own engagements are known by their numbers: what a test asks first is often one of them. */
export async function memoryBench(adminUrl: string, clock?: Clock): Promise<ServiceBench> {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'lw-keys-')), 'memory.key')
  writeFileSync(file, randomBytes(32).toString('base64url'))
  const environment = { MEMORY_MASTER_KEY_FILE: file, MEMORY_SANDBOX: 'on' }
  const bench = await serviceBench({ adminUrl, definition: memory, environment, ...(clock && { clock }) })
  // Nobody says here that identity can be heard; the tests that are not about its silence hear it for ever.
  await exec(bench.database.db, sql`insert into memory.membership_feed (heard_at) values ('infinity')`)
  await eventually(async () => {
    const found = await maybe(bench.database.db, Found, sql`select state from memory.engagement_v1 where engagement = ${WELL_KNOWN_ENGAGEMENTS.sandbox.id}`)
    if (found === undefined) throw new Error('the well-known engagements are not there yet')
  })
  return bench
}

const Found = z.object({ state: z.string() })

export interface SignedUp {
  readonly sagaId: SagaId
  readonly personId: PersonId
  readonly engagementId: EngagementId
}

export function newcomer(): SignedUp {
  const sagaId = newId<'saga'>()
  return { sagaId, personId: derivedId(sagaId, 'person'), engagementId: derivedId(sagaId, 'engagement') }
}

/** Orders the step of a signup, as its host would. */
export function induct(bench: ServiceBench, { sagaId, personId, engagementId }: SignedUp, about: { dir?: 'do' | 'undo'; attempt?: number } = {}) {
  return bench.order(inductPersonalEngagement, { personId, engagementId }, { sagaId, ...about })
}

/** Somebody whose signup is over: their personal engagement stands, and identity knows them. */
export async function person(bench: ServiceBench, displayName = 'Ada'): Promise<SignedUp & { readonly client: Client }> {
  const who = newcomer()
  await induct(bench, who)
  bench.identity.names.set(who.personId, { displayName, signupDisplayName: displayName, companionName: 'Companion' })
  member(bench, who.personId, who.engagementId, { personal: who.engagementId })
  member(bench, who.personId, 'own', { personal: who.engagementId })
  await bench.publish(PersonActivated, { personId: who.personId, personalEngagementId: who.engagementId, sagaId: who.sagaId, claimed: false }, { revision: 0 })
  return { ...who, client: bench.person(who.personId) }
}

/** Tells identity that somebody belongs somewhere. */
export function member(
  bench: ServiceBench,
  principal: string,
  engagement: string,
  {
    personal = engagement,
    designations = ['operator'],
    commitAuthority = false,
  }: { personal?: string; designations?: readonly string[]; commitAuthority?: boolean } = {},
): void {
  const membershipId = derivedId(principal, engagement === 'own' ? personal : engagement)
  bench.identity.members.set(`${principal} ${engagement}`, { personalEngagementId: personal, membershipId, designations, commitAuthority, revision: 1 })
}
