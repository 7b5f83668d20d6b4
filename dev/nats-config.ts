// The NATS users of Loomworks: one for each service, with the rights that its contracts and its consumers give it (saga page §6), and
// `migrate`, which makes what they read from.
import { migrateRights, type NatsUser, rightsOf } from '@loomworks/bus'
import { subjectsOf } from '@loomworks/contracts'
import type { ServiceName } from '@loomworks/kernel'
import { type AnyService, consumersOf } from '@loomworks/service-kit'

export const MIGRATE_USER = 'migrate'

/** Who looks into streams beside its own durables: the gateway forgets sessions that ended, the debugger of sagas shows everything. */
const LOOKS: Readonly<Partial<Record<ServiceName, Pick<Parameters<typeof rightsOf>[1], 'tails' | 'browses'>>>> = {
  gateway: { tails: { EVENTS: ['evt.identity.>'] } },
  identity: { browses: ['SAGA_CMD', 'SAGA_REP', 'EVENTS', 'DLQ'] },
}

export function natsUsersOf(services: readonly AnyService[], passwordOf: (user: string) => string = placeholderOf): readonly NatsUser[] {
  const users = services.map((service) => ({
    name: service.name,
    password: passwordOf(service.name),
    rights: rightsOf(service.name, { says: subjectsOf(service.name), reads: consumersOf(service), ...LOOKS[service.name] }),
  }))
  return [...users, { name: MIGRATE_USER, password: passwordOf(MIGRATE_USER), rights: migrateRights(MIGRATE_USER) }]
}

/** A variable of the server's environment, so that no password stands in a file: `$NATS_PASSWORD_<USER>`. */
export function placeholderOf(user: string): string {
  return `$NATS_PASSWORD_${user.toUpperCase()}`
}
