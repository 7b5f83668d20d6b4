// One service in a process of its own, against URLs. `npm run service -- <name>` and the image run this.
import { setTimeout as delay } from 'node:timers/promises'
import { Terminal, Transient } from '@loomworks/kernel'
import { consumersOf, type Platform, type RunningService, type ServiceDefinition, startService } from '../service.ts'
import { type Engines, ensureBus } from './adapters.ts'
import { buildPlatform } from './build.ts'
import { addressIn, databaseUrlIn, enginesOf, processConfigOf, processEnvironment, secretIn } from './config.ts'
import { onStopSignal } from './stop-signal.ts'

// Ten seconds in all, of which the first two are for whoever sends us requests to turn elsewhere.
const ANNOUNCE_MS = 2000
const STOP_WITHIN_MS = 7000
const POOL_SIZE = 16
const ASK_AGAIN_MS = 1000

/** Runs until SIGTERM or SIGINT. What a person can mend is one sentence on stderr and exit 1. */
export async function runService<Parts, Config>(definition: ServiceDefinition<Parts, Config>): Promise<void> {
  try {
    await started(definition)
  } catch (error) {
    if (!(error instanceof Terminal)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
    // Connections that were opened before the refusal would keep the process.
    process.exit()
  }
}

async function started<Parts, Config>(definition: ServiceDefinition<Parts, Config>): Promise<void> {
  const { name } = definition
  const environment = processEnvironment()
  const config = processConfigOf(name, environment)
  const secret = secretIn(name, 'SERVICE_SECRET_FILE', config.SERVICE_SECRET_FILE)
  const url = databaseUrlIn(name, config)
  const engines = enginesOf(name, environment, { mayCreate: false })
  const { platform, close } = await buildPlatform({
    urlOf: () => url,
    addressOf: (service) => addressIn(config, service, name),
    secretOf: () => secret,
    environment,
    log: { write: (line) => void process.stdout.write(line) },
    logLevel: config.LOG_LEVEL,
    poolSize: POOL_SIZE,
    storeRole: name,
    engines,
  })
  const stopping = new AbortController()
  const starting = patiently(definition, { platform, engines, signal: stopping.signal })
  onStopSignal(async () => {
    stopping.abort()
    await (await starting)?.stop(STOP_WITHIN_MS, ANNOUNCE_MS)
    await close()
  })
  await starting
}

/** Services start in any order, so what does not answer yet is waited for. */
async function patiently<Parts, Config>(
  definition: ServiceDefinition<Parts, Config>,
  { platform, engines, signal }: { readonly platform: Platform; readonly engines: Engines; readonly signal: AbortSignal },
): Promise<RunningService | undefined> {
  const log = platform.logOf(definition.name)
  while (!signal.aborted) {
    try {
      await ensureBus(platform.bus, engines, consumersOf(definition))
      return await startService(definition, platform)
    } catch (error) {
      if (!(error instanceof Transient)) throw error
      log.warn({ err: error }, 'the start waits for what the service stands on')
    }
    await delay(ASK_AGAIN_MS, undefined, { signal }).catch(() => undefined)
  }
  return undefined
}
