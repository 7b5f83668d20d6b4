// A bounded stretch of entries, counted by how many they are and by how much they hold.
import type { Json } from '@loomworks/kernel'
import type { StoredEvent } from './port.ts'

/** Roughly the characters that a JSON value holds: enough to keep memory bounded, and far cheaper than to write it out. */
export function weightOf(value: Json | undefined): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  let weight = 16
  for (const each of Object.values(value)) weight += weightOf(each)
  return weight
}

export interface Bounds {
  readonly events: number
  readonly weight: number
}

/** What a reader is given at once. It always holds one event where there is one. */
export class Batch {
  readonly events: StoredEvent[] = []
  readonly #bounds: Bounds
  #weight = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  get isFull(): boolean {
    return this.events.length >= this.#bounds.events || this.#weight >= this.#bounds.weight
  }

  add(event: StoredEvent): void {
    this.events.push(event)
    this.#weight += weightOf(event.body)
  }
}
