import { randomUUID } from 'node:crypto'
import { deadLetter } from '@loomworks/bus'
import { PersonNamesChanged } from '@loomworks/contracts'
import type { Whole } from '../whole.ts'

/** A fact that the Companion's service could not handle; each `seq` is a letter of its own. */
export async function deadFact({ instance }: Whole, seq: bigint): Promise<void> {
  const { personId } = PersonNamesChanged.sample
  const fact = {
    type: 'PersonNamesChanged',
    v: 1,
    at: '2030-01-02T03:04:05.678Z',
    actor: { kind: 'service', id: 'identity' },
    entity: personId,
    correlationId: randomUUID(),
    causationId: randomUUID(),
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    data: PersonNamesChanged.sample,
  }
  const subject = `evt.identity.3.${personId}.PersonNamesChanged`
  const message = { subject, id: randomUUID(), seq, headers: { 'outbox-seq': '7' }, data: JSON.stringify(fact), deliveries: 6 }
  await instance.platform.bus.publish(deadLetter(message, { stream: 'EVENTS', service: 'companion', reason: 'exhausted', error: 'no such column' }))
}
