// npm start: a bare machine becomes a running Loomworks. Reads PORT, LOOMWORKS_HOME and LIMITS, and nothing else is needed;
// EVENTSTORE_URL, NATS_URL and DATABASE_URL, each by itself, put it on engines that run already.
//
//   npm start                   a line per step, then the URL
//   npm start -- --json         one JSON line when everything is ready
import { Terminal } from '@loomworks/kernel'
import { enginesOf, onStopSignal } from '@loomworks/service-kit'
import { type AllOptions, type Instance, startAll } from './all.ts'
import { AlreadyRunning, StartRefused } from './start-refused.ts'

const json = process.argv.includes('--json')
const say = (line: string) => process.stderr.write(`${line}\n`)
const show = (line: string) => void (json || process.stdout.write(`${line}\n`))

try {
  const starting = startAll({ ...settings(), terminal: say, step: (name, ms) => show(`  ${name.padEnd(12)} ${String(ms).padStart(6)} ms`) })
  onStopSignal(async () => {
    show('Stopping …')
    await starting.then(
      (instance) => instance.stop(),
      () => undefined,
    )
  })
  announce(await starting)
} catch (error) {
  refuse(error)
}

function settings(): Pick<AllOptions, 'home' | 'port' | 'limitsOff' | 'engines'> {
  const { PORT = '4400', LIMITS = 'on', LOOMWORKS_HOME, DATABASE_URL } = process.env
  const port = Number(PORT)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new StartRefused(`PORT is ${PORT}: name a port from 1 to 65535.`)
  if (LIMITS !== 'on' && LIMITS !== 'off') throw new StartRefused(`LIMITS is ${LIMITS}: set it to on or off.`)
  const engines = { ...enginesOf('loomworks', process.env, { mayCreate: true }), ...(DATABASE_URL !== undefined && { databaseUrl: DATABASE_URL }) }
  return { ...(LOOMWORKS_HOME !== undefined && { home: LOOMWORKS_HOME }), port, limitsOff: LIMITS === 'off', engines }
}

function announce({ url, home, services }: Instance): void {
  const { EVENTSTORE_URL, NATS_URL, DATABASE_URL } = process.env
  const adapters = {
    eventStore: EVENTSTORE_URL === undefined ? 'postgres' : 'eventstoredb',
    bus: NATS_URL === undefined ? 'postgres' : 'nats',
    database: DATABASE_URL === undefined ? 'embedded' : 'external',
  }
  if (json) {
    process.stdout.write(`${JSON.stringify({ url, home: home.path, ...adapters, services })}\n`)
    return
  }
  for (const { name, ms } of services) show(`  ${name.padEnd(12)} ${String(ms).padStart(6)} ms  ready`)
  if (process.env.LIMITS === 'off') show('  Rate limits are off.')
  show(`Loomworks is ready at ${url}`)
}

function refuse(error: unknown): void {
  if (error instanceof AlreadyRunning && error.note !== undefined) {
    show(`Loomworks is already running at ${error.note} (process ${error.pid}).`)
    return
  }
  if (!(error instanceof StartRefused || error instanceof Terminal)) throw error
  say(error.message)
  process.exitCode = 1
}
