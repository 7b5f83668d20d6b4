import { runService } from '@loomworks/service-kit'
import { audit } from './service.ts'

await runService(audit)
