// Proof that nothing in a stream was changed, dropped or moved after it was stored. It is over what is stored, ciphertext
// included, so it still holds after a key is destroyed.
import { type Envelope, envelopeHash, GENESIS } from '@loomworks/kernel'

export interface ChainVerdict {
  readonly ok: boolean
  /** How many events were found in order. */
  readonly events: number
  /** Hash of the last event that was found in order. */
  readonly head: string
  /** The first event that does not follow from what stands before it. */
  readonly firstBad?: { readonly index: number; readonly eventId: string }
}

/** Follows a chain of envelopes in stream order from `head`; from the beginning of a stream where absent. */
export function verifyChain(envelopes: Iterable<Envelope>, head: string = GENESIS): ChainVerdict {
  let index = 0
  let last = head
  for (const envelope of envelopes) {
    if (!follows(envelope, last)) return { ok: false, events: index, head: last, firstBad: { index, eventId: envelope.id } }
    last = envelope.hash
    index++
  }
  return { ok: true, events: index, head: last }
}

/** Does this envelope follow the event whose hash is `head`, and is its own hash true? */
export function follows(envelope: Envelope, head: string): boolean {
  return envelope.prevHash === head && envelopeHash(envelope) === envelope.hash
}
