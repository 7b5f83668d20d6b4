import { hash } from 'node:crypto'

/** SHA-256 in one call. Node hands over text faster than it makes a buffer: hex and back costs half of asking for bytes. */
export function sha256(data: string | Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'hex'), 'hex')
}
