import { runService } from '@loomworks/service-kit'
import { companion } from './service.ts'

await runService(companion)
