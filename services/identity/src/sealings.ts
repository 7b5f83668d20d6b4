// What sealed bytes are bound to: the words under which alone they open, so that bytes that changed rows do not.

/** Of a TOTP secret. An offer is one no code of which was shown yet. */
export function totpBinding(owner: 'registration' | 'offer' | 'enrolment' | 'person', id: string): string {
  return `totp/${owner}/${id}`
}

/** Of the key of a secret in the vault. */
export function dekBinding(secretId: string): string {
  return `dek/${secretId}`
}

/** Of the root of a person. */
export function rootBinding(personId: string): string {
  return `subject/${personId}`
}

export function signingBinding(kid: string): string {
  return `signing/${kid}`
}
