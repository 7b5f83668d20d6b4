// Statements that keep coming are prepared by themselves: to parse and plan a small one costs more than to run it.
import type { Sql } from './sql.ts'

/** From this time on a text has a name; what is sent now and then is not worth the memory on each connection. */
const AFTER = 5
/** Texts that are counted. Ours are a few hundred; a text made anew each time must not fill the memory. */
const MOST = 500

export class Frequent {
  readonly #seen = new Map<string, number | string>()
  #named = 0

  /** The name to prepare a statement under; undefined for one that is not frequent (yet). Without values it may be several
   *  statements in one text, which cannot be prepared. */
  nameOf({ text, values, name }: Sql): string | undefined {
    if (name !== undefined || values.length === 0) return name
    const seen = this.#seen.get(text) ?? 0
    if (typeof seen === 'string') return seen
    if (seen === 0 && this.#seen.size >= MOST) return undefined
    this.#seen.set(text, seen + 1 < AFTER ? seen + 1 : `frequent_${++this.#named}`)
    return undefined
  }
}
