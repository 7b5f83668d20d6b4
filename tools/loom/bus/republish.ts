import { republish } from '@loomworks/bus'
import { ServiceName } from '@loomworks/kernel'
import { enginesOf } from '@loomworks/service-kit'
import { type Command, Option } from 'commander'
import { withAdminDatabase } from '../database.ts'
import { Failed } from '../failed.ts'
import { withBus } from './bus.ts'

interface RepublishOptions {
  readonly service: string
  readonly from: string
  readonly dryRun?: boolean
}

export function republishCommand(bus: Command): void {
  bus
    .command('republish')
    .description('Publishes again what a service has published since a moment, after the bus has lost messages.')
    .addOption(new Option('--service <name>', 'whose facts').choices(ServiceName.options.filter((name) => name !== 'gateway')).makeOptionMandatory())
    .requiredOption('--from <time>', 'RFC 3339, such as 2030-01-02T03:04:05Z; rows are kept for seven days')
    .option('--dry-run', 'count them only')
    .addHelpText(
      'after',
      '\nExample:\n  npx loom bus republish --service identity --from 2030-01-02T03:04:05Z --dry-run\n\nUses DATABASE_ADMIN_URL, or the instance that runs in LOOMWORKS_HOME; with NATS_URL also NATS_PASSWORD_FILE of that service.',
    )
    .action(run)
}

async function run({ service, from, dryRun = false }: RepublishOptions): Promise<void> {
  if (Number.isNaN(Date.parse(from))) throw new Failed(2, `${from} is no time: write it like 2030-01-02T03:04:05Z.`)
  // What a service says only that service may say: on NATS, under its user and password.
  const engines = enginesOf(service, process.env, { mayCreate: false })
  const count = await withAdminDatabase((db) => withBus(engines, (bus) => republish({ db, bus, service, from: new Date(from).toISOString(), dryRun })))
  console.log(dryRun ? `${count} facts would be published again.` : `${count} facts were published again.`)
}
