import { runService } from '@loomworks/service-kit'
import { identity } from './service.ts'

await runService(identity)
