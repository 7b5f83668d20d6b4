// Where the services of one instance listen: Unix sockets below its home, the gateway alone on a port.
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServiceName, sha256 } from '@loomworks/kernel'
import type { Address } from '@loomworks/service-kit'
import type { Home } from './home.ts'
import { StartRefused } from './start-refused.ts'

// A socket's path has room for some 100 bytes; a home deep in the tree keeps its sockets in the temporary directory.
const LONGEST_SOCKET_DIRECTORY = 80

/** An empty directory for sockets that nobody else may enter. */
export function socketsIn(home: Home): string {
  const near = join(home.path, 'run', 'sockets')
  const directory = near.length <= LONGEST_SOCKET_DIRECTORY ? near : join(tmpdir(), `lw-${sha256(near).slice(0, 12)}-services`)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { uid } = lstatSync(directory)
  if (uid !== (process.getuid?.() ?? uid)) throw new StartRefused(`${directory} belongs to another user: remove it, or set TMPDIR to a directory of your own.`)
  return directory
}

export function addressIn(sockets: string, service: ServiceName, port: number): Address {
  if (service === 'gateway') return { origin: `http://localhost:${port}` }
  if (process.platform === 'win32') return { origin: `http://localhost:${port + 1 + ServiceName.options.indexOf(service)}` }
  return { origin: 'http://localhost', socketPath: join(sockets, service) }
}
