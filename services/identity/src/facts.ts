// Facts about persons. Each takes the person's next revision under the row's lock and leaves through the outbox in the same
// transaction; the relay appends it to `person-<id>` before it is published, so the stream has exactly the revisions 1..n.
import { enqueue, type Fact, outboxRowOf, type Stating } from '@loomworks/bus'
import type { EventType } from '@loomworks/contracts'
import { actorFromService, type Caller, derivedId, type PersonId, type Time } from '@loomworks/kernel'
import { type Db, one, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'

const RevisionRow = z.object({ revision: z.bigint() })

/** What is stated, without the place it takes. */
export interface PersonFact<S extends z.ZodType = z.ZodType> {
  readonly type: EventType<string, S>
  readonly data: z.input<S>
}

/** Ties data to its event type, so that a list of facts is checked one by one. */
export function fact<S extends z.ZodType>(type: EventType<string, S>, data: z.input<S>): PersonFact {
  return { type: type as unknown as EventType, data }
}

export function statingFor(caller: Caller, at: Time): Stating {
  const { actor, correlationId, causationId, traceparent } = caller
  return { at, actor, correlationId, causationId, traceparent }
}

/** Facts of the signup's pivot are stated by the signup, not by the person who is only coming to be. */
export function statingForSignup(command: { readonly correlationId: string; readonly causationId: string; readonly traceparent: string }, at: Time): Stating {
  const { correlationId, causationId, traceparent } = command
  return { at, actor: actorFromService('signup'), correlationId, causationId, traceparent }
}

/** States facts about a person, in order. Locks the person's row until the transaction ends. */
export async function statePersonFacts(tx: Db, personId: PersonId, facts: readonly PersonFact[], stating: Stating): Promise<void> {
  if (facts.length === 0) return
  const { revision } = await one(
    tx,
    RevisionRow,
    prepared('take_revisions', sql`update identity.persons set revision = revision + ${facts.length} where id = ${personId} returning revision`),
  )
  const first = Number(revision) - facts.length + 1
  await enqueue(
    tx,
    'identity',
    facts.map((each, index) => outboxRowOf(placed(each, personId, first + index), stating)),
  )
}

function placed({ type, data }: PersonFact, personId: PersonId, revision: number): Fact<z.ZodType> {
  const cause = derivedId(personId, 'revision', revision)
  return { type, data, cause, revision, stream: `person-${personId}`, ...(revision > 1 && { prevRevision: revision - 1 }) }
}

/** States facts that are in no stream, such as those about sessions; `cause` makes the message id. */
export function stateFacts(tx: Db, cause: string, facts: readonly PersonFact[], stating: Stating): Promise<void> {
  return enqueue(
    tx,
    'identity',
    facts.map((each) => outboxRowOf({ ...each, cause }, stating)),
  )
}
