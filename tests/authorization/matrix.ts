// Every operation × every kind of caller: each pair is one request, and its answer is held against what `x-authz` says. Callers who may come
// through the gateway do; what the token alone decides is asked of the service as well, since the gateway refuses it first.
import { randomUUID } from 'node:crypto'
import type { ServiceName } from '@loomworks/kernel'
import { poolTo } from '@loomworks/service-kit'
import { addressOf, GOOD, type Listed } from '../openapi/operations.ts'
import type { Whole } from '../whole.ts'
import { ACTORS, type ActorName, byToken, expected } from './expected.ts'
import type { Answer, Asked } from './judging.ts'
import type { World } from './world.ts'

const AT_ONCE = 16
/** No operation takes a list. Whether one may ask comes before what one sends, so this tells it and changes nothing. */
const BAD_BODY = '[]'

type Door = Asked['door']

interface Pair {
  readonly operation: Listed
  readonly who: ActorName
  readonly door: Door
}

export interface Matrix extends AsyncDisposable {
  /** Asks as everybody, what changes something last. */
  run(operations: readonly Listed[]): Promise<readonly Asked[]>
  /** Asks the owner of an operation under any token, or none. */
  askService(operation: Listed, token: string | undefined): Promise<Answer>
  /** Parameters that this world has no value for, and bodies that nobody wrote down, by operation. */
  unfilled(operations: readonly Listed[]): readonly string[]
}

export function matrixOf({ url, instance }: Whole, world: World): Matrix {
  const { addressOf: addressOfService } = instance.platform
  const gateway = poolTo({ origin: url }, AT_ONCE)
  const services = new Map<ServiceName, ReturnType<typeof poolTo>>()
  const poolOf = (service: ServiceName) => {
    const known = services.get(service) ?? poolTo(addressOfService(service), AT_ONCE)
    services.set(service, known)
    return known
  }
  const send = async (pool: typeof gateway, operation: Listed, { token, who }: { readonly token: string | null | undefined; readonly who: ActorName }) => {
    const { statusCode, headers, body } = await pool.request({
      method: operation.method as 'GET',
      path: addressOf(operation, valuesFor(operation, who, world)),
      headers: {
        ...(typeof token === 'string' && { authorization: `Bearer ${token}` }),
        ...(operation.takesKey && { 'idempotency-key': randomUUID() }),
        ...(operation.takesBody && { 'content-type': 'application/json' }),
      },
      body: operation.takesBody ? bodyFor(operation) : null,
    })
    const text = await body.text()
    const isProblem = String(headers['content-type']).startsWith('application/problem+json')
    return { status: statusCode, code: isProblem ? String(JSON.parse(text).code) : undefined }
  }
  const ask = async ({ operation, who, door }: Pair): Promise<Asked> => {
    const caller = world.callers[who]
    const answer =
      door === 'gateway'
        ? await send(gateway, operation, { token: caller.credential(), who })
        : await send(poolOf(operation.owner), operation, { token: await caller.tokenFor(operation.owner), who })
    return { operation, who, door, expected: expected(operation.authz, ACTORS[who]), answer }
  }
  return {
    async run(operations) {
      const pairs = operations.flatMap((operation) => pairsOf(operation, world))
      const asked = await inLanes(
        pairs.filter((pair) => !isChange(pair)),
        ask,
      )
      for (const pair of pairs.filter(isChange).toSorted(insideFirst)) {
        await world.callers[pair.who].renew()
        asked.push(await ask(pair))
      }
      return asked
    },
    askService: (operation, token) => send(poolOf(operation.owner), operation, { token, who: 'owner' }),
    unfilled: (operations) => operations.flatMap((operation) => missing(operation, world).map((name) => `${operation.id}: ${name}`)),
    async [Symbol.asyncDispose]() {
      for (const pool of [gateway, ...services.values()]) await pool.close()
    },
  }
}

function pairsOf(operation: Listed, { callers }: World): readonly Pair[] {
  return (Object.keys(ACTORS) as ActorName[]).flatMap((who) => {
    const byGateway = callers[who].credential() !== undefined
    // Who is known to nobody is told apart by the gateway alone: a service sees no token of theirs, but the gateway's.
    const byService = !byGateway || (byToken(operation.authz, ACTORS[who]) !== undefined && (who === 'anonymous' || ACTORS[who].actor !== 'anonymous'))
    const doors: Door[] = [...(byGateway ? (['gateway'] as const) : []), ...(byService ? (['service'] as const) : [])]
    return doors.map((door) => ({ operation, who, door }))
  })
}

/** Lets a caller do what may end a session, or what others ask about. */
function isChange({ operation: { method, takesBody, authz }, who }: Pair): boolean {
  return method !== 'GET' && !takesBody && expected(authz, ACTORS[who]) === 'passes'
}

/** What lies within another thing goes before it, and one of many before all of them. */
function insideFirst({ operation: a }: Pair, { operation: b }: Pair): number {
  const depth = ({ path }: Listed) => path.split('/').length
  return depth(b) - depth(a) || b.inPath.length - a.inPath.length
}

/** Only where the owner decides about an object it must get as far as that. */
function bodyFor({ id, authz: { relation, idFrom } }: Listed): string {
  return relation === 'none' || idFrom === undefined ? BAD_BODY : JSON.stringify(GOOD[id]?.())
}

function missing(operation: Listed, world: World): readonly string[] {
  const lacking = operation.inPath.filter((name) => valueFor(operation, name, 'owner', world) === undefined)
  return [...lacking, ...(operation.takesBody && GOOD[operation.id] === undefined ? ['body'] : [])]
}

function valuesFor(operation: Listed, who: ActorName, world: World): Readonly<Record<string, string>> {
  return Object.fromEntries(operation.inPath.map((name) => [name, valueFor(operation, name, who, world) ?? '']))
}

function valueFor({ authz: { idFrom, object } }: Listed, name: string, who: ActorName, world: World): string | undefined {
  return world.value(name, who) ?? (idFrom === `params.${name}` ? world.value(object, who) : undefined)
}

async function inLanes<T, R>(all: readonly T[], work: (each: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const waiting = all.values()
  const lane = async () => {
    for (const each of waiting) results.push(await work(each))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return results
}
