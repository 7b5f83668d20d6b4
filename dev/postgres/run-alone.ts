// node dev/postgres/run-alone.ts <home>: PostgreSQL of a home without any service. Prints the port, stops on SIGTERM and SIGINT.
import { onStopSignal } from '@loomworks/service-kit'
import { StartRefused, startPostgres } from './index.ts'

const [home = '.loomworks'] = process.argv.slice(2)
const log = { info: () => {}, warn: (fields: object, message: string) => console.error(message, fields) }

try {
  const postgres = await startPostgres({ home, log })
  console.log(postgres.port)
  const keepAlive = setInterval(() => {}, 60_000)
  onStopSignal(async () => {
    await postgres.stop()
    clearInterval(keepAlive)
  })
} catch (error) {
  if (!(error instanceof StartRefused)) throw error
  console.error(error.message)
  process.exitCode = 1
}
