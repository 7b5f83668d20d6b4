// The two hashes of an e-mail address that identity and credit share (credit page §4). An address never travels; these do.
import { z } from 'zod'
import { hmac256 } from './hash.ts'

/** Longest address we take, in UTF-16 code units. */
const EMAIL_MAX = 254

/** Form 1: how an address is looked up. NFC, trimmed, lower case whatever the locale. Idempotent. */
export function emailLookup(address: string): string {
  return address.normalize('NFC').trim().toLowerCase().normalize('NFC')
}

/** Form 2: the mailbox behind the address, as far as its provider tells: at Gmail dots and everything from the first `+`
 *  count for nothing, at Outlook's domains what follows the first `+`; elsewhere nothing changes. Idempotent. */
export function emailMailbox(address: string): string {
  const lookup = emailLookup(address)
  const at = lookup.lastIndexOf('@')
  if (at < 0) return lookup
  const local = lookup.slice(0, at)
  const domain = lookup.slice(at + 1) === 'googlemail.com' ? 'gmail.com' : lookup.slice(at + 1)
  return `${mailboxLocal(local, domain)}@${domain}`
}

function mailboxLocal(local: string, domain: string): string {
  const plain = local.split('+', 1)[0] ?? ''
  // What a dot stood between may compose, and what it stood before may be a space: the form must be its own form.
  if (domain === 'gmail.com') return plain.replaceAll('.', '').normalize('NFC').trim() || local
  if (OUTLOOK.test(domain)) return plain || local
  return local
}

const OUTLOOK = /^(?:outlook\.com|hotmail\.com|live\.com|msn\.com|(?:outlook|hotmail|live)\.(?:co\.)?[a-z]{2})$/

/** HMAC-SHA-256 under the deployment's pepper of both forms, hex. */
export function emailHashes(pepper: Uint8Array, address: string): { readonly emailHash: string; readonly emailNormalizedHash: string } {
  return { emailHash: hmac256(pepper, emailLookup(address)), emailNormalizedHash: hmac256(pepper, emailMailbox(address)) }
}

/** Is this text an address we can write to: exactly one usable `@`, no control or white-space character, ≤ 254 characters. */
export function isEmailAddress(text: string): boolean {
  return text.length <= EMAIL_MAX && text.isWellFormed() && /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(text)
}

/** An address as somebody types it: trimmed, its case kept. */
export const EmailAddress = z.string().trim().refine(isEmailAddress, { message: 'is not an address of at most 254 characters' }).meta({ format: 'email' })
