import { PersonNamesChanged } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import type { MemoryParts } from '../parts.ts'

/** A name is kept for a minute at most, and not at all once it is known to be old. */
export const noteRename = on<MemoryParts, typeof PersonNamesChanged.schema>(PersonNamesChanged, async (_tx, { personId }, _heard, { names }) => {
  await Promise.resolve()
  names.forget(personId)
})
