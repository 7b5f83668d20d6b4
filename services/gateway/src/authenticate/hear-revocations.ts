// Sessions end elsewhere too. Every instance of the gateway hears of it on the bus and forgets what it holds; with the bus down an
// entry lives no longer than its token, a minute. Before it listens for the first time an instance is not ready.
import { setTimeout as delay } from 'node:timers/promises'
import type { Bus } from '@loomworks/bus'
import {
  AccountStatusChanged,
  AgentChanged,
  AgentTokenRevoked,
  type EventType,
  MembershipChanged,
  MembershipRevoked,
  PersonLocked,
  parseEventData,
  RoleGranted,
  RoleRevoked,
  SessionRevoked,
} from '@loomworks/contracts'
import { parsedEvent, typeOfSubject, type Worker } from '@loomworks/service-kit'

const AGAIN_MS = 500

export interface RevocationOptions {
  readonly bus: Bus
  /** Forgets a session or a person: entries of the cache, and streams that are open. */
  readonly drop: (subject: string) => void
  /** Told whenever it begins to listen: what happened before was not heard, what happens from now on is. */
  readonly onListening: () => void
  readonly onTrouble: (error: unknown) => void
}

export function hearRevocations({ bus, drop, onListening, onTrouble }: RevocationOptions): Worker {
  const hear = async (signal: AbortSignal) => {
    for await (const message of bus.tail('EVENTS', 'evt.identity.>', { signal, onListening })) hearOne(message)
  }
  /** A message that cannot be read is told and passed over: those behind it must be heard. */
  const hearOne = (message: Message) => {
    try {
      const subject = subjectOf(message)
      if (subject !== undefined) drop(subject)
    } catch (error) {
      onTrouble(error)
    }
  }
  return {
    name: 'revocations',
    async run(signal) {
      while (!signal.aborted) {
        await hear(signal).catch(onTrouble)
        await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined)
      }
    },
  }
}

type Message = { readonly subject: string; readonly data: string }

/** What a person or an agent may do has changed, and a person's also for the agents they answer for: what is kept of them, by whichever session or
 *  token it came, is old. */
const CHANGES: readonly EventType[] = [
  AccountStatusChanged,
  AgentChanged,
  AgentTokenRevoked,
  MembershipChanged,
  MembershipRevoked,
  PersonLocked,
  RoleGranted,
  RoleRevoked,
]

function subjectOf(message: Message): string | undefined {
  const name = typeOfSubject(message.subject)
  const change = CHANGES.find((each) => each.name === name)
  if (name !== SessionRevoked.name && change === undefined) return undefined
  const { v, data } = parsedEvent(message)
  return change === undefined ? parseEventData(SessionRevoked, v, data).sessionId : change.entity(parseEventData(change, v, data))
}
