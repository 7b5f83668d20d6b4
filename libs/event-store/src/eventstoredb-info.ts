// What a node says of itself over HTTP: its version and whether it leads. The server answers gRPC long before it may be written to.
import { type ClientRequest, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { Terminal, Transient } from '@loomworks/kernel'
import { z } from 'zod'
import type { Address, Node } from './eventstoredb-address.ts'

/** An older server ends a live subscription whose consumer is 64 KB behind. */
const FLOOR = { major: 24, minor: 6 }
const MOST_CHARACTERS = 1_048_576

const Info = z.object({ esVersion: z.string().optional(), dbVersion: z.string().optional(), state: z.string() })
const Gossip = z.object({
  members: z.array(z.object({ state: z.string(), isAlive: z.boolean(), httpEndPointIp: z.string(), httpEndPointPort: z.int() })),
})

/** Does a node answer, and is it new enough? Throws Terminal `event_store.server_too_old` where it is not. */
export async function probe(address: Address, timeoutMs: number): Promise<void> {
  await firstInfo(address, timeoutMs)
}

/** Resolves when there is a node that leads; else throws Transient. */
export async function expectLeader(address: Address, timeoutMs: number): Promise<void> {
  const { node, state } = await firstInfo(address, timeoutMs)
  if (state === 'leader') return
  const leader = address.isCluster ? await leaderOf(address, node, timeoutMs) : undefined
  if (leader === undefined) throw new Transient(`the event store is not ready: its state is ${state}`)
  const told = await infoOf(address, leader, timeoutMs)
  if (told.state !== 'leader') throw new Transient(`the event store is not ready: the state of its leader is ${told.state}`)
}

interface NodeInfo {
  readonly node: Node
  readonly state: string
}

async function firstInfo(address: Address, timeoutMs: number): Promise<NodeInfo> {
  let trouble: unknown
  for (const node of address.nodes) {
    try {
      return await infoOf(address, node, timeoutMs)
    } catch (error) {
      if (error instanceof Terminal) throw error
      trouble = error
    }
  }
  throw trouble
}

async function infoOf(address: Address, node: Node, timeoutMs: number): Promise<NodeInfo> {
  const { esVersion, dbVersion, state } = Info.parse(await got(address, { node, path: '/info', timeoutMs }))
  const version = esVersion ?? dbVersion
  if (version !== undefined && isTooOld(version))
    throw new Terminal('event_store.server_too_old', `EventStoreDB is ${version}; ${FLOOR.major}.${FLOOR.minor} or newer is needed`)
  return { node, state: state.toLowerCase() }
}

/** A version that is not understood is let through: a later server may name itself in another way. */
function isTooOld(version: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? []
  if (major === undefined) return false
  return Number(major) < FLOOR.major || (Number(major) === FLOOR.major && Number(minor) < FLOOR.minor)
}

async function leaderOf(address: Address, node: Node, timeoutMs: number): Promise<Node | undefined> {
  const { members } = Gossip.parse(await got(address, { node, path: '/gossip', timeoutMs }))
  const leader = members.find(({ state, isAlive }) => isAlive && state.toLowerCase() === 'leader')
  return leader && { host: leader.httpEndPointIp, port: leader.httpEndPointPort }
}

interface Asked {
  readonly node: Node
  readonly path: string
  readonly timeoutMs: number
}

function got({ tls, ca, authorization }: Address, { node, path, timeoutMs }: Asked): Promise<unknown> {
  const options = {
    host: node.host,
    port: node.port,
    path,
    // A connection of its own, so that none is left over that a frozen server keeps open.
    agent: false,
    headers: { accept: 'application/json', ...(authorization && { authorization }) },
    signal: AbortSignal.timeout(timeoutMs),
  }
  const asked = tls ? secureRequest({ ...options, ...(ca && { ca }) }) : request(options)
  return answerOf(asked, path)
}

function answerOf(asked: ClientRequest, path: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  asked.on('error', reject)
  asked.on('response', (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('error', reject)
    response.on('data', (chunk: string) => {
      text += chunk
      if (text.length > MOST_CHARACTERS) response.destroy(new Error(`${path} says too much`))
    })
    response.on('end', () => {
      if (response.statusCode === 200) resolve(parsed(text))
      else reject(new Transient(`the event store answers ${path} with ${response.statusCode}`))
    })
  })
  asked.end()
  return promise
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
