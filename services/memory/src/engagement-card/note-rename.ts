import { PersonNamesChanged } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import type { MemoryParts } from '../parts.ts'

/** A name is kept for a minute at most, and not at all once it is known to be old. */
export const noteRename = on<MemoryParts, typeof PersonNamesChanged.schema>(PersonNamesChanged, (_tx, { personId }, _heard, { names }) => {
  names.forget(personId)
  return Promise.resolve()
})
