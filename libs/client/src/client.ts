// A client of the gateway: every operation of the API by its id, with its types, and none by its address.
import { type Following, followed, type Heard } from './follow.ts'
import { KEYED, type Operations, PATHS } from './generated/api.ts'
import { type OperationId, refusedBy } from './refused.ts'
import { waited } from './waited.ts'

type Input<Id extends OperationId> = Operations[Id]['input']
export type Reply<Id extends OperationId> = Operations[Id]['reply']
type Streaming = { [Id in OperationId]: Operations[Id] extends { stream: true } ? Id : never }[OperationId]
type Paged = { [Id in OperationId]: Reply<Id> extends { items: readonly unknown[]; next_cursor: string | null } ? Id : never }[OperationId]
/** What stands in the list that an operation answers with. */
export type Item<Id extends Paged> = Reply<Id> extends { items: readonly (infer Each)[] } ? Each : never
/** Nothing has to be given where every member of the input may be left out. */
type Given<Id extends OperationId, How> = object extends Input<Id> ? [input?: Input<Id>, how?: How] : [input: Input<Id>, how?: How]

export interface How {
  readonly signal?: AbortSignal
  /** The Idempotency-Key, where one is to last longer than this call: one per form, for a button that may be pressed twice. */
  readonly key?: string
  /** In place of the client's own credential. */
  readonly authorization?: string
}

export interface ClientOptions {
  /** Where the gateway is: `https://loomworks.example`. */
  readonly url: string
  /** A browser keeps the session in a cookie, everybody else in `client.token`. Found out where it is not said. */
  readonly session?: 'cookie' | 'bearer'
  readonly token?: string
  /** How long a call may wait and try again before it is given up; 10 s where it is not said. */
  readonly patienceMs?: number
}

const PATIENCE_MS = 10_000
const AGAIN_MS = 250

export class Client {
  readonly session: 'cookie' | 'bearer'
  /** The bearer token; undefined where nobody is logged in, or a cookie does its work. */
  token: string | undefined
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.session = options.session ?? ('document' in globalThis ? 'cookie' : 'bearer')
    this.token = options.token
    this.#options = options
  }

  /** The reply of an operation. Throws Refused for a problem, and what fetch throws where no answer comes. Waits as long as `Retry-After`
   *  says where nothing was done yet, and sends again what is safe to be sent twice. */
  async call<Id extends OperationId>(id: Id, ...[input, how]: Given<Id, How>): Promise<Reply<Id>> {
    const answer = await this.#answered(this.asked(id, input ?? {}, how ?? {}))
    if (id === 'logOut') this.token = undefined
    if (answer.status === 204) return undefined as Reply<Id>
    return (await (answer.headers.get('content-type')?.includes('json') ? answer.json() : answer.text())) as Reply<Id>
  }

  /** The events of a stream; see `followed`. */
  follow<Id extends Streaming>(id: Id, ...[input, how]: Given<Id, How & Following>): AsyncGenerator<Heard<Reply<Id>>> {
    const open = (lastEventId: string | undefined, signal: AbortSignal) => {
      const asked = this.asked(id, input ?? {}, { ...how, signal })
      asked.init.headers.accept = 'text/event-stream'
      if (lastEventId !== undefined) asked.init.headers['last-event-id'] = lastEventId
      return this.#answered(asked)
    }
    return followed(open, how ?? {})
  }

  /** Every item of a list, page by page as they are wanted. */
  async *pages<Id extends Paged>(id: Id, ...[input, how]: Given<Id, How>): AsyncGenerator<Item<Id>> {
    let query: object = (input as { query?: object } | undefined)?.query ?? {}
    for (;;) {
      const asked = this.asked(id, { ...input, query }, how ?? {})
      const page = (await (await this.#answered(asked)).json()) as { items: readonly Item<Id>[]; next_cursor: string | null }
      yield* page.items
      if (page.next_cursor === null) return
      query = { ...query, cursor: page.next_cursor }
    }
  }

  /** What is sent, ready to be sent as often as needed; `repeatable` is what is done once when it is sent twice. */
  private asked(id: OperationId, input: object, { signal, key, authorization = this.token && `Bearer ${this.token}` }: How) {
    const { params = {}, query = {}, body } = input as { params?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown }
    const [method = '', path = ''] = PATHS[id].split(' ')
    const url = new URL(filled(path, params), this.#options.url)
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
    const headers: Record<string, string> = {}
    if (authorization) headers.authorization = authorization
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (KEYED.has(id)) headers['idempotency-key'] = key ?? crypto.randomUUID()
    // A cookie beside a bearer token would be two credentials.
    const init = { method, headers, credentials: this.token ? 'omit' : 'include', body: JSON.stringify(body), ...(signal && { signal }) } as const
    return { url, init, repeatable: method === 'GET' || KEYED.has(id) }
  }

  async #answered({ url, init, repeatable }: ReturnType<Client['asked']>): Promise<Response> {
    const deadline = Date.now() + (this.#options.patienceMs ?? PATIENCE_MS)
    for (let attempt = 1; ; attempt++) {
      let waitMs = AGAIN_MS * 2 ** attempt
      try {
        const answer = await fetch(url, init)
        if (answer.ok) return answer
        const refused = await refusedBy(answer)
        const untouched =
          ['rate_limited', 'too_many_streams'].includes(refused.code) || (repeatable && (refused.status === 503 || refused.code === 'idempotency.in_flight'))
        if (!untouched || refused.retryAfterS === undefined || Date.now() + refused.retryAfterS * 1000 > deadline) throw refused
        waitMs = refused.retryAfterS * 1000
      } catch (error) {
        // fetch tells by a TypeError that there was no answer.
        if (!(error instanceof TypeError) || !repeatable || init.signal?.aborted || Date.now() + waitMs > deadline) throw error
      }
      await waited(waitMs, init.signal)
    }
  }
}

function filled(path: string, params: Readonly<Record<string, unknown>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = String(params[name] ?? '')
    // A dot segment would be another address before it is sent.
    if (value === '' || value === '.' || value === '..') throw new RangeError(`${name} cannot be "${value}"`)
    return encodeURIComponent(value)
  })
}
