// For the tests of what the tool says about a saga whose definition no release has any more.
import { type EventStore, readEnvelope } from '@loomworks/event-store'
import { chained, GENESIS, newId } from '@loomworks/kernel'

const NO_VERSION = 99

/** A saga that was asked for like this signup, but on a version that there is not. */
export async function withoutDefinition(store: EventStore, signup: string): Promise<string> {
  const id = newId<'saga'>()
  for await (const event of store.readStream(`saga-signup-${signup}`, { limit: 1 })) {
    const { hash: _hash, prevHash: _prevHash, ...asked } = readEnvelope(event)
    const [first] = chained([{ ...asked, id: newId(), data: { ...asked.data, definitionVersion: NO_VERSION } }], GENESIS)
    if (first !== undefined) await store.append(`saga-signup-${id}`, [{ id: first.id, type: first.type, body: { ...first } }], 'no_stream')
  }
  return id
}
