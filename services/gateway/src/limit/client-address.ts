// Who is at the other end: the socket's peer, or, behind proxies we trust, the first address that is none of theirs.
import ipaddr from 'ipaddr.js'

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** The client's address as plain text. `forwarded` is the `X-Forwarded-For` header, believed only from a trusted peer. */
export function clientAddress(peer: string | undefined, forwarded: string | undefined, trusted: readonly Network[]): string {
  if (trusted.length === 0) return peerAddress(peer ?? '')
  const chain = [...(forwarded ?? '').split(',').map((part) => part.trim()), peer ?? '']
  let address = plainAddress(peer ?? '')
  for (const hop of chain.reverse()) {
    if (!ipaddr.isValid(hop)) return address
    address = plainAddress(hop)
    if (!isTrusted(address, trusted)) return address
  }
  return address
}

function isTrusted(address: string, trusted: readonly Network[]): boolean {
  const parsed = ipaddr.process(address)
  return trusted.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
}

/** Of the socket's own peer, which needs no parser: IPv4 stands as itself also on a socket of both families. */
function peerAddress(peer: string): string {
  if (peer.startsWith('::ffff:') && peer.includes('.')) return peer.slice('::ffff:'.length)
  return peer.includes(':') || peer === '' ? plainAddress(peer) : peer
}

function plainAddress(text: string): string {
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : 'unknown'
}

const KEYS_IPV6_BITS = 64

/** What a limit is counted by: an IPv4 address, or the /64 of an IPv6 one, since a household has 2^64 of those. */
export function limitKey(address: string): string {
  if (!address.includes(':')) return address
  const bytes = ipaddr.parse(address).toByteArray()
  return `${Buffer.from(bytes.slice(0, KEYS_IPV6_BITS / 8)).toString('hex')}/64`
}
