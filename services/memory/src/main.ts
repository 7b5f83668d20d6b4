import { runService } from '@loomworks/service-kit'
import { memory } from './service.ts'

await runService(memory)
