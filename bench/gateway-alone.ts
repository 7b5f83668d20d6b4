// The gateway in a process of its own, with nothing left out: PostgreSQL's bus for the revocations, limits, metrics. Services are
// found by name in a folder of sockets.
//   node bench/gateway-alone.ts <folder> <port> <database url> [<document of another API>]
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gateway, gatewayWith } from '@loomworks/gateway'
import { buildPlatform, startService } from '@loomworks/service-kit'

const [folder = '', port = '', databaseUrl = '', document] = process.argv.slice(2)
const origin = `http://127.0.0.1:${port}`
const RATES_NOBODY_MEETS = { RATE_IP: '100000/s', RATE_AUTH: '100000/s', RATE_PERSON: '100000/s' }

const { platform } = await buildPlatform({
  urlOf: () => databaseUrl,
  addressOf: (service) => (service === 'gateway' ? { origin } : { origin: 'http://localhost', socketPath: join(folder, service) }),
  secretOf: () => 'secret',
  environment: { PUBLIC_ORIGIN: origin, ...RATES_NOBODY_MEETS },
  log: { write: (line) => void process.stderr.write(line) },
  logLevel: 'warn',
  poolSize: 4,
  storeRole: 'gateway',
})
const service = await startService(document === undefined ? gateway : gatewayWith(JSON.parse(readFileSync(document, 'utf8'))), platform)
await service.ready(10_000)
console.log('ready')
