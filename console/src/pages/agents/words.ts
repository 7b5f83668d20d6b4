/** What an agent of an engagement may be let do, in the order in which one has need of it. */
export const GRANTABLE = [
  ['memory.read', 'Read', 'sees what the engagement holds'],
  ['memory.write', 'Write', 'adds drafts'],
  ['memory.commit', 'Commit', 'makes drafts of others part of what is held true; needs your passkey'],
] as const

export type Grantable = (typeof GRANTABLE)[number][0]

/** `Read, write`; a scope that is newer than this page as it is called. */
export function scopeWords(scopes: readonly string[]): string {
  const words = scopes.map((scope) => GRANTABLE.find(([each]) => each === scope)?.[1].toLowerCase() ?? scope).join(', ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
