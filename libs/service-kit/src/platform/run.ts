// One service in a process of its own, against URLs. `npm run service -- <name>` and the image run this.
import { STREAMS } from '@loomworks/contracts'
import { Terminal } from '@loomworks/kernel'
import { consumersOf, type ServiceDefinition, startService } from '../service.ts'
import { buildPlatform } from './build.ts'
import { originOf, processConfigOf, processEnvironment, secretIn, startRefused } from './config.ts'
import { onStopSignal } from './stop-signal.ts'

const STOP_WITHIN_MS = 10_000
const POOL_SIZE = 16

/** Runs until SIGTERM or SIGINT. What a person can mend is one sentence on stderr and exit 1. */
export async function runService<Parts, Config>(definition: ServiceDefinition<Parts, Config>): Promise<void> {
  try {
    await started(definition)
  } catch (error) {
    if (!(error instanceof Terminal)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}

async function started<Parts, Config>(definition: ServiceDefinition<Parts, Config>): Promise<void> {
  const environment = processEnvironment()
  const config = processConfigOf(definition.name, environment)
  const secret = secretIn(definition.name, config)
  const { platform, close } = buildPlatform({
    urlOf: () => config.DATABASE_URL ?? startRefused(`${definition.name} cannot start: DATABASE_URL is missing.`),
    addressOf: (service) => ({ origin: originOf(config, service) }),
    secretOf: () => secret,
    environment,
    log: { write: (line) => void process.stdout.write(line) },
    logLevel: config.LOG_LEVEL,
    poolSize: POOL_SIZE,
    storeRole: definition.name,
  })
  await platform.bus.ensure({ streams: STREAMS, consumers: consumersOf(definition) })
  const service = await startService(definition, platform)
  onStopSignal(async () => {
    await service.stop(STOP_WITHIN_MS)
    await close()
  })
}
