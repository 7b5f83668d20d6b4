import type { Command } from 'commander'
import { makeSecrets } from '../../../dev/secrets.ts'

export function makeSecretsCommand(secrets: Command): void {
  secrets
    .command('make')
    .description('Makes the secrets of a distributed deployment, a folder for each process; what is there stays as it is.')
    .argument('<directory>', 'where the folders are, or will be')
    .addHelpText('after', '\nExample:\n  npx loom secrets make /run/loomworks')
    .action((directory: string) => makeSecrets(directory))
}
