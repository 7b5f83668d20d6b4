// npm run service -- <name>: one service in this process, against the URLs of the environment.
import { ServiceName } from '@loomworks/kernel'

const name = ServiceName.safeParse(process.argv[2])
if (name.success) await import(`../services/${name.data}/src/main.ts`)
else {
  process.stderr.write(`Name one of ${ServiceName.options.join(', ')}: npm run service -- memory\n`)
  process.exitCode = 2
}
