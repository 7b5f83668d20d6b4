// Where EventStoreDB is and how it is spoken to: what the adapter itself must know of the connection string. The client reads the
// rest of it.
import { readFileSync } from 'node:fs'
import { Terminal } from '@loomworks/kernel'

export interface Node {
  readonly host: string
  readonly port: number
}

export interface Address {
  /** The nodes that the string names; a cluster is asked who leads. */
  readonly nodes: readonly Node[]
  readonly isCluster: boolean
  readonly tls: boolean
  readonly ca: string | undefined
  /** For the header of a request over HTTP. */
  readonly authorization: string | undefined
  /** What a client is made from: one of the node that was said to lead, where that was said. */
  clientUrl(leader?: Node): string
}

const FORM = /^esdb(?<discover>\+discover)?:\/\/(?:(?<user>[^:@/?]+):(?<password>[^@/?]+)@)?(?<hosts>[^@/?]+)\/?(?:\?(?<settings>.*))?$/
const HOST = /^(?<host>[\w.-]+)(?::(?<port>\d{1,5}))?$/
const DEFAULT_PORT = 2113
/** The last of a setting wins. An append that fails must throw: where it does not, the client tells a wrong revision. */
const OURS = 'throwOnAppendFailure=true'

/** Throws Terminal `event_store.bad_url` in a sentence without the string itself, which may hold a password. */
export function addressOf(url: string): Address {
  const form = FORM.exec(url.trim())?.groups
  if (form === undefined) throw badUrl('it has the form esdb://host:port?tls=true or esdb+discover://host:port?tls=true')
  const { discover, user, password, hosts = '', settings = '' } = form
  const nodes = hosts.split(',').map(nodeOf)
  const given = new Map(settings.split('&').map((each) => [flat(each.split('=')[0] ?? ''), decodeURIComponent(each.split('=').slice(1).join('='))]))
  const tls = given.get('tls') !== 'false'
  const credentials = user === undefined ? '' : `${user}:${password}@`
  return {
    nodes,
    isCluster: discover !== undefined || nodes.length > 1,
    tls,
    ca: tls ? certificateOf(given.get('tlscafile')) : undefined,
    authorization:
      user === undefined ? undefined : `Basic ${Buffer.from(`${decodeURIComponent(user)}:${decodeURIComponent(password ?? '')}`).toString('base64')}`,
    clientUrl: (leader) => {
      const where = leader === undefined ? `esdb${discover ?? ''}://${credentials}${hosts}` : `esdb://${credentials}${leader.host}:${leader.port}`
      return `${where}?${[settings, OURS].filter(Boolean).join('&')}`
    },
  }
}

function nodeOf(text: string): Node {
  const { host, port = DEFAULT_PORT } = HOST.exec(text.trim())?.groups ?? {}
  if (host === undefined) throw badUrl('each of its hosts is a name or an address, and a port')
  return { host, port: Number(port) }
}

/** Names of settings are compared as the client does. */
function flat(name: string): string {
  return name.trim().toLowerCase().replace(/[_-]/g, '')
}

function certificateOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw badUrl('the file of tlsCAFile can be read', { cause: error })
  }
}

function badUrl(says: string, options?: ErrorOptions): Terminal {
  return new Terminal('event_store.bad_url', `EVENTSTORE_URL is not understood: ${says}`, options)
}
