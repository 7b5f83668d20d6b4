import type { Item } from '@loomworks/client'

type Engagement = Item<'listEngagements'>
export type Designation = Engagement['my']['designations'][number]

export const STATES: Readonly<Record<Engagement['state'], readonly [word: string, means: string]>> = {
  candidate: ['Not begun', 'It has no committed seed yet, which says what it is about.'],
  active: ['Active', 'Its seed is committed, and work goes on.'],
  suspended: ['Suspended', 'It rests; nothing is written to it meanwhile.'],
  archived: ['Archived', 'It is kept as it was, and nothing is written to it any more.'],
}

export const DESIGNATIONS: readonly (readonly [designation: Designation, word: string, means: string])[] = [
  ['operator', 'Operator', 'decides who belongs to it and commits'],
  ['contributor', 'Contributor', 'reads and adds drafts'],
  ['domain_expert', 'Domain expert', 'is asked what they know best'],
]

/** `Operator, Domain expert`. */
export function designated(designations: readonly Designation[]): string {
  return DESIGNATIONS.filter(([each]) => designations.includes(each))
    .map(([, word]) => word)
    .join(', ')
}
