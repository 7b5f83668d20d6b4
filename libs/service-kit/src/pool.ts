// Connections to a service, wherever its instances are. Each new connection goes to the next instance, and one that does not take it is
// passed over: not a byte of a request has been sent by then, so this is safe for every request.
import { buildConnector, Pool } from 'undici'

/** Where a service listens: a Unix socket when embedded, an origin when distributed. */
export interface Address {
  readonly origin: string
  /** Where its other instances are, when each has a name of its own. */
  readonly others?: readonly string[]
  readonly socketPath?: string
  /** Where this process listens itself, when that is not the origin. */
  readonly listen?: { readonly host?: string; readonly port?: number }
}

const CONNECT_MS = 1000

export function poolTo({ origin, others = [], socketPath }: Address, connections: number, timeout: number = CONNECT_MS): Pool {
  const connect = socketPath === undefined ? inTurn([origin, ...others], buildConnector({ timeout })) : { timeout, socketPath }
  return new Pool(origin, { connections, pipelining: 1, connect })
}

function inTurn(origins: readonly string[], connect: buildConnector.connector): buildConnector.connector {
  const targets = origins.map((each) => new URL(each))
  // Processes that start together do not all begin with the same one.
  let turn = Math.floor(Math.random() * targets.length)
  return (options, callback) => {
    const first = turn++
    const attempt = (tried: number): void => {
      const target = targets[(first + tried) % targets.length]
      const to = target === undefined ? options : { ...options, protocol: target.protocol, hostname: target.hostname, host: target.host, port: target.port }
      connect(to, (...result) => {
        const [error] = result
        if (error !== null && tried + 1 < targets.length) attempt(tried + 1)
        else callback(...result)
      })
    }
    attempt(0)
  }
}
