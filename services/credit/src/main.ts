import { runService } from '@loomworks/service-kit'
import { credit } from './service.ts'

await runService(credit)
