import styles from './actor.module.css'

const KINDS: Readonly<Record<string, readonly [word: string, icon: string, means: string]>> = {
  person: ['Person', 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 14c0-3 3-5 6-5s6 2 6 5', 'A person did it, or is it.'],
  companion: ['Companion', 'M8 2l2 4 4 2-4 2-2 4-2-4-4-2 4-2z', 'The Companion of a person, within what they allowed.'],
  agent: ['Agent', 'M3 6h10v7H3zM8 6V3M6 9h.01M10 9h.01', 'An agent that a member answers for.'],
  service: ['Service', 'M3 3h10v4H3zM3 9h10v4H3zM5 5h.01M5 11h.01', 'A part of Loomworks itself, by a rule.'],
}

/** Who acted: the same badge everywhere; what it means on hover. */
export function Actor({ kind, id }: { readonly kind: string; readonly id?: string }) {
  const [word, icon, means] = KINDS[kind] ?? [kind, '', kind]
  return (
    <span className={styles.actor} title={means}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={icon} />
      </svg>
      {word}
      {id === undefined ? null : ` ${id}`}
    </span>
  )
}
