import { Reason } from '@loomworks/contracts'

/** A sentence that says why: 3 to 500 characters, and no address, since it is kept for ever. */
export function isReason(text: string): boolean {
  return Reason.safeParse(text).success
}
