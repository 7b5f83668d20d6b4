import { runService } from '@loomworks/service-kit'
import { gateway } from './service.ts'

await runService(gateway)
