// Companion: the person's named agent. So far it knows whom it acts for; what it may do comes with the contract.
import { fileURLToPath } from 'node:url'
import { defineService } from '@loomworks/service-kit'
import { CompanionConfig } from './config.ts'
import { noteRename } from './profile/note-rename/handler.ts'
import { openProfile } from './profile/open-profile/handler.ts'

export const companion = defineService<object, CompanionConfig>({
  name: 'companion',
  config: CompanionConfig,
  refusals: [],
  migrations: fileURLToPath(new URL('../migrations', import.meta.url)),
  operations: [],
  hears: [openProfile, noteRename],
  wire: () => ({}),
})
