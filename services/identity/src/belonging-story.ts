// What the tests about belonging begin with: an engagement that somebody opened, as identity hears of it.
import { outboxRowOf } from '@loomworks/bus'
import { EngagementOpened, EngagementStateChanged, type EventType, type Visibility } from '@loomworks/contracts'
import { actorFromPerson, actorFromService, type EngagementId, newId, type PersonId, ServiceName } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { exec, ident, many, sql } from '@loomworks/sql'
import { eventually } from '@loomworks/testing'
import { z } from 'zod'
import type { Answer, IdentityBench } from './identity-bench.ts'
import { grantMembership } from './memberships.ts'
import { type SignedUp, signedUp } from './signing-up.ts'

let next = 4000
let names = 0

export interface Opened {
  readonly id: EngagementId
  readonly number: string
}

/** Puts an event of another service on the bus. */
export async function heardOnBus<S extends z.ZodType>(
  bench: IdentityBench,
  type: EventType<string, S>,
  data: z.input<S>,
  { revision = 0, actor = actorFromService(ServiceName.parse(type.service)), cause = newId() as string } = {},
): Promise<void> {
  const stating = { at: new Date(bench.platform.clock.now()).toISOString(), actor, correlationId: newId(), causationId: newId(), traceparent: childTrace() }
  const { id, subject, headers, data: text } = outboxRowOf({ type, data, cause, revision }, stating)
  await bench.platform.bus.publish({ subject, id, headers: { ...headers, 'message-id': id }, data: text })
}

/** An engagement that this person has opened, once identity knows of it. */
export async function openedBy(
  bench: IdentityBench,
  { personId }: Pick<SignedUp, 'personId'>,
  visibility: Exclude<Visibility, 'personal'> = 'private',
): Promise<Opened> {
  const [id, number] = [newId<'engagement'>(), `E${next++}`]
  const opener = actorFromPerson(personId as PersonId)
  await heardOnBus(bench, EngagementOpened, { engagement: id, visibility, displayIdentifier: number, openedBy: opener }, { actor: opener })
  await eventually(async () => {
    const rows = await many(bench.db, z.unknown(), sql`select from identity.memberships where engagement_id = ${id}`)
    if (rows.length === 0) throw new Error('the engagement is not known yet')
  })
  return { id, number }
}

export async function archived(bench: IdentityBench, { id }: Opened): Promise<void> {
  await heardOnBus(bench, EngagementStateChanged, { engagement: id, state: 'archived' }, { revision: 1 })
  await eventually(async () => {
    const [row] = await many(bench.db, z.object({ state: z.string() }), sql`select state from identity.engagement_ref where engagement_id = ${id}`)
    if (row?.state !== 'archived') throw new Error('not archived yet')
  })
}

export function somebody(bench: IdentityBench, displayName = 'Ada'): Promise<SignedUp> {
  return signedUp(bench, { email: `b${++names}@example.org`, displayName })
}

/** Makes somebody a member without an invitation, as the tests of what follows need it. */
export async function memberOf(
  bench: IdentityBench,
  { id }: Opened,
  { personId }: SignedUp,
  designations: readonly string[] = ['contributor'],
): Promise<string> {
  const cause = newId()
  const stating = {
    at: new Date(bench.platform.clock.now()).toISOString(),
    actor: { kind: 'service', id: 'operator' } as const,
    correlationId: cause,
    causationId: cause,
    traceparent: childTrace(),
  }
  const granted = await bench.db.transaction((tx) =>
    grantMembership(tx, { engagement: id, principal: { kind: 'person', id: personId }, designations: designations as ['contributor'] }, stating),
  )
  if (granted === undefined) throw new Error('no membership')
  return granted.id
}

/** Asks the same twice at once while nothing can be written into a table: the answer that comes all the same, then the one that waited. */
export async function twiceAtOnce(bench: IdentityBench, table: string, ask: () => Promise<Answer>): Promise<readonly [Answer, Answer]> {
  const answers = await bench.db.transaction(async (tx) => {
    await exec(tx, sql`lock table ${ident(`identity.${table}`)} in share mode`)
    const both = [ask(), ask()] as const
    return { first: await Promise.race(both), both }
  })
  const [one, other] = await Promise.all(answers.both)
  return [answers.first, answers.first === one ? other : one]
}
