// A small API of our own for the gateway's tests: each operation is there to show one thing the gateway must do with it.
import { EventEmitter, once } from 'node:events'
import { EventStream, type OpenApi, openApiOf, operation, type SseEvent } from '@loomworks/service-kit'
import { z } from 'zod'

/** What the operations behind the gateway are given, and what a test sees of them. */
export interface Upstream {
  readonly config: z.ZodType<object>
  /** Operations under way that wait to be told to end. */
  waiting: number
  /** Operations that were told that the client has left. */
  aborted: number
  /** Sends an event to every stream that is open. */
  emit(event: SseEvent): void
  readonly bus: EventEmitter
}

export function upstreamParts(): Upstream {
  const bus = new EventEmitter()
  bus.setMaxListeners(0)
  return { config: z.object({}), waiting: 0, aborted: 0, bus, emit: (event) => void bus.emit('event', event) }
}

const about = { summary: 'For the tests', refuses: [] }
const person = { actors: ['person'], scope: 'memory.read', object: 'engagement', relation: 'none', hide: true } as const
const anybody = { actors: ['anonymous', 'person'], object: 'catalogue', relation: 'none', hide: false } as const
const Echo = z.object({ method: z.string(), actor: z.string(), body: z.unknown() })

const show = operation({
  ...about,
  get: '/engagements/:engagement',
  id: 'show',
  authz: person,
  params: z.object({ engagement: z.string() }),
  query: z.object({ limit: z.coerce.number().optional() }),
  reply: Echo,
  answer: async ({ token }, _parts: Upstream) => ({ method: 'GET', actor: token.sub, body: null }),
})

const write = operation({
  ...about,
  post: '/engagements',
  id: 'write',
  authz: { ...person, scope: 'memory.write' },
  limits: { idempotency: 'optional', bodyBytes: 100_000 },
  body: z.strictObject({ text: z.string() }),
  reply: Echo,
  status: 201,
  answer: async ({ token, body }, _parts: Upstream) => ({ method: 'POST', actor: token.sub, body }),
})

const erase = operation({
  ...about,
  delete: '/engagements/:engagement',
  id: 'erase',
  authz: { ...person, stepUp: 'passkey' },
  params: z.object({ engagement: z.string() }),
  reply: z.undefined(),
  status: 204,
  answer: async (_request, _parts: Upstream) => undefined,
})

const staff = operation({
  ...about,
  get: '/catalogue/staff',
  id: 'staff',
  authz: { ...person, scope: 'admin.audit', role: ['auditor'] },
  reply: Echo,
  answer: async ({ token }, _parts: Upstream) => ({ method: 'GET', actor: token.sub, body: null }),
})

const open = operation({
  ...about,
  get: '/catalogue/open',
  id: 'open',
  authz: anybody,
  reply: Echo,
  answer: async ({ token }, _parts: Upstream) => ({ method: 'GET', actor: token.sub, body: null }),
})

const former = operation({
  ...about,
  get: '/catalogue/former',
  id: 'former',
  deprecated: { since: '2029-01-01', sunset: '2031-01-01', instead: 'open' },
  authz: anybody,
  reply: Echo,
  answer: async ({ token }, _parts: Upstream) => ({ method: 'GET', actor: token.sub, body: null }),
})

const agents = operation({
  ...about,
  get: '/catalogue/agents',
  id: 'agents',
  authz: { ...person, actors: ['person', 'agent'] },
  reply: Echo,
  answer: async ({ token }, _parts: Upstream) => ({ method: 'GET', actor: token.sub, body: null }),
})

const keyed = operation({
  ...about,
  post: '/jobs/keyed',
  id: 'keyed',
  authz: person,
  limits: { idempotency: 'required' },
  body: z.looseObject({}),
  reply: Echo,
  answer: async ({ token, idempotencyKey }, _parts: Upstream) => ({ method: 'POST', actor: token.sub, body: idempotencyKey }),
})

const wait = operation({
  ...about,
  post: '/jobs/wait',
  id: 'wait',
  authz: person,
  limits: { timeoutMs: 60_000 },
  body: z.looseObject({}),
  reply: Echo,
  answer: async ({ signal }, parts: Upstream) => forEver(signal, parts),
})

const slow = operation({
  ...about,
  post: '/jobs/slow',
  id: 'slow',
  authz: person,
  limits: { timeoutMs: 300 },
  body: z.looseObject({}),
  reply: Echo,
  answer: async ({ signal }, parts: Upstream) => forEver(signal, parts),
})

const follow = operation({
  ...about,
  get: '/jobs/events',
  id: 'follow',
  authz: { ...person, actors: ['person', 'agent'] },
  limits: { stream: true },
  reply: z.object({}),
  answer: async ({ signal, header }, parts: Upstream) => new EventStream(events(parts, signal, header('last-event-id'))),
})

const watch = operation({
  ...about,
  get: '/catalogue/events',
  id: 'watch',
  authz: anybody,
  limits: { stream: true },
  reply: z.object({}),
  answer: async ({ signal, header }, parts: Upstream) => new EventStream(events(parts, signal, header('last-event-id'))),
})

/** The operations the small service answers. */
export const OPERATIONS = [show, write, erase, staff, open, former, agents, keyed, wait, slow, follow, watch]

const absent = operation({
  ...about,
  post: '/claim/grant',
  id: 'absent',
  authz: anybody,
  limits: { timeoutMs: 1000 },
  body: z.looseObject({}),
  reply: Echo,
  answer: async () => ({ method: 'POST', actor: '', body: null }),
})

const garbled = operation({
  ...about,
  get: '/activity',
  id: 'garbled',
  authz: anybody,
  reply: Echo,
  answer: async () => ({ method: 'GET', actor: '', body: null }),
})

const auth = { ...about, authz: { ...anybody, object: 'session' }, reply: z.undefined(), status: 204, answer: async () => undefined }
const logOut = operation({ ...auth, post: '/auth/logout', id: 'logOut', limits: { rate: 'ip_only' } })
const logIn = operation({ ...auth, post: '/auth/login/passkey/begin', id: 'logIn' })
const stepUp = operation({ ...auth, post: '/auth/step-up/finish', id: 'finishStepUp' })
const endOne = operation({ ...auth, delete: '/auth/sessions/:id', id: 'revokeSession', params: z.object({ id: z.string() }) })
const signUp = operation({ ...auth, post: '/auth/signup/begin', id: 'signUp', limits: { rate: 'signup_begin' } })

/** The document the gateway is given: nobody answers for credit, audit is what a test makes it, and the stand-in answers for identity. */
export const API: OpenApi = openApiOf(
  [
    { name: 'memory', operations: OPERATIONS },
    { name: 'credit', operations: [absent] },
    { name: 'audit', operations: [garbled] },
    { name: 'identity', operations: [logOut, logIn, stepUp, endOne, signUp] },
  ],
  '0.0.0',
)

async function forEver(signal: AbortSignal, parts: Upstream): Promise<never> {
  parts.waiting++
  await once(signal, 'abort')
  parts.waiting--
  parts.aborted++
  throw new Error('the client left')
}

async function* events({ bus }: Upstream, signal: AbortSignal, after: string | undefined): AsyncGenerator<SseEvent> {
  yield { id: '0', event: 'open', data: { after: after ?? null } }
  for (;;) {
    const [event] = (await once(bus, 'event', { signal })) as [SseEvent]
    yield event
  }
}
