// One caller of each kind, and what they ask about: made by public operations where there are such, by SQL where a state has none yet.
import { exec, openDatabase, type Sql, sql } from '@loomworks/sql'
import type { Whole } from '../whole.ts'
import { type Caller, Callers, clientsOn } from './callers.ts'
import type { ActorName } from './expected.ts'
import { agentIn, openedBy, ownOf, peopleIn, placeOf, standings } from './people.ts'

export interface World extends AsyncDisposable {
  readonly callers: Readonly<Record<ActorName, Caller>>
  /** The value of a parameter for a caller: by its name or, where it is the id of what the operation is about, by the name of that. */
  value(name: string, who: ActorName): string | undefined
}

/** What nobody owns, or nobody here: it only has to be of the right form. */
const NOBODYS = {
  registration: crypto.randomUUID(),
  saga: crypto.randomUUID(),
  dead_letter: crypto.randomUUID(),
  role: 'auditor',
  key: 'converse.responder_model',
  name: 'anthropic',
}

export async function worldOf(whole: Whole): Promise<World> {
  const { platform, adminUrl, home } = whole.instance
  const db = openDatabase({ url: adminUrl, max: 2, applicationName: 'authorization', onError: () => undefined })
  const clients = clientsOn(platform)
  const make = new Callers(db, (service) => clients.of(service))
  const admin = await whole.admin()
  const people = await peopleIn(whole)
  const { owner, another, recovering, erasing, suspended, suspendedAdmin, locked, erased } = people
  const place = await placeOf(people)
  const elsewhere = await agentIn(another.client, await openedBy(another.client))
  await standings(admin, people)
  // By a session that the gateway has not seen: nothing tells it of a change by SQL.
  await erased.client.logIn()
  await exec(db, stateOf(erased.id, 'erased', 'deleted'))
  const callers = {
    anonymous: make.nobody(),
    owner: await make.session(owner),
    'owner whose step-up is old': await make.session(owner, {
      after: (id) => [sql`update identity.sessions set step_up_at = now() - interval '1 hour' where id = ${id}`],
    }),
    operator: await make.session(people.operator),
    'co-member': await make.session(people.coMember),
    'other person': await make.session(another),
    'ex-member': await make.session(people.exMember),
    'agent here': make.bearing(place.agentToken),
    'agent elsewhere': make.bearing(elsewhere.token),
    'companion asked': await make.companion(owner),
    'companion of another': await make.companion(another),
    'companion not approved': make.unapproved(owner, `membership:${place.membershipOfCoMember}`),
    'in recovery': await make.session(recovering, { after: (id) => [restricted(id, 'recovery')] }),
    'being erased': await make.session(erasing, {
      before: stateOf(erasing.id, 'active'),
      after: (id) => [restricted(id, 'erasing'), stateOf(erasing.id, 'erasing')],
    }),
    suspended: await make.session(suspended, { after: () => [stateOf(suspended.id, 'active', 'suspended')] }),
    'suspended admin': await make.session(suspendedAdmin, { after: () => [stateOf(suspendedAdmin.id, 'active', 'suspended')] }),
    locked: make.bearing(locked.client.token ?? ''),
    erased: make.bearing(erased.client.token ?? ''),
    admin: await make.session(people.admin),
    support: await make.session(people.support),
    auditor: await make.session(people.auditor),
    ops: await make.session(people.ops),
    'operator token': make.bearing(home.operatorToken),
  }
  const values: Readonly<Record<string, string>> = { ...NOBODYS, ...place.values, ...(await ownOf(owner, admin)), person: people.bystander.id }
  return {
    callers,
    // Who belongs somewhere may leave: the membership it may end is its own.
    value: (name, who) => (name === 'member' && who === 'co-member' ? place.membershipOfCoMember : values[name]),
    async [Symbol.asyncDispose]() {
      await clients.close()
      await db.close()
    },
  }
}

function stateOf(personId: string, state: string, account = 'active'): Sql {
  return sql`update identity.persons
                set state = ${state}, account_status = ${account}
              where id = ${personId}`
}

function restricted(sessionId: string, to: 'recovery' | 'erasing'): Sql {
  return sql`update identity.sessions
                set restricted = ${to}
              where id = ${sessionId}`
}
