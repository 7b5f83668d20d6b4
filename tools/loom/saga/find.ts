import { findByEmail, findSagas, SagasFound } from '@loomworks/identity/saga-tool'
import { actorFromService, isEmailAddress, newId, timeOf } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import type { Command } from 'commander'
import { Failed } from '../failed.ts'
import { queryOf } from '../gateway.ts'
import { type LookOptions, look, lookCommand, print } from './look.ts'
import { linesOf } from './rows.ts'

export function findSagasCommand(saga: Command): void {
  lookCommand(saga, 'find', {
    says: 'Sagas by any id: of a saga, registration, person, engagement, grant, message, event, stream, trace; or by an address.',
    example: 'saga find 3b8f0f5e-6a64-5d0b-9d4e-0a1f6f2d7c11 --reason "ticket 12"',
  })
    .argument('<id>', 'any id, `stream@revision`, or an e-mail address')
    .option('--reason <text>', 'why a person is looked up; recorded. 3 to 500 characters, no address')
    .action(find)
}

async function find(text: string, options: LookOptions & { readonly reason?: string }): Promise<void> {
  const { reason } = options
  const query = queryOf({ q: text, reason })
  const found = await look(options, {
    // An address is never part of a URL.
    ...(isEmailAddress(text) ? { path: '/admin/sagas/search', body: { email: text, reason: reason ?? '' } } : { path: `/admin/sagas/search?${query}` }),
    reply: SagasFound,
    direct: (sight) => (isEmailAddress(text) ? findByEmail : findSagas)(sight, text, { reason, stating: stating() }),
  })
  if (found.items.length === 0) throw new Failed(1, 'Nothing was found.')
  print(options, found, () => `By ${found.found_by}:\n${linesOf(found.items)}`)
}

/** Whoever holds the stores is the operator. */
function stating() {
  const cause = newId()
  return { at: timeOf(Date.now()), actor: actorFromService('operator'), correlationId: cause, causationId: cause, traceparent: childTrace() }
}
