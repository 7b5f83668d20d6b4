import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import type { Handle } from '@loomworks/event-store'
import { actorFromService, type Caller, newId } from '@loomworks/kernel'
import { EVENT_DATA } from '../events.ts'
import { engagement } from '../evolve.ts'
import { takeNumbers } from './decide.ts'

interface Numbering {
  readonly handle: Handle
  /** The first number that is given. */
  readonly start: number
  /** How many are taken at once: a process that ends loses what it has not given. */
  readonly block: number
}

const WELL_KNOWN: ReadonlySet<number> = new Set(Object.values(WELL_KNOWN_ENGAGEMENTS).map(({ number }) => number))

/** The display numbers of this process. Who asks while none is left waits for one block together with all the others. */
export class DisplayNumbers {
  readonly #numbering: Numbering
  readonly #free: number[] = []
  #taking: Promise<void> | undefined

  constructor(numbering: Numbering) {
    this.#numbering = numbering
  }

  async next(caller: Caller): Promise<number> {
    for (;;) {
      const number = this.#free.shift()
      if (number !== undefined) return number
      this.#taking ??= this.#take(caller).finally(() => {
        this.#taking = undefined
      })
      await this.#taking
    }
  }

  async #take(caller: Caller): Promise<void> {
    const { handle, start, block } = this.#numbering
    const command = { start, count: block }
    const by = { ...caller, actor: actorFromService('memory'), commandId: newId<'command'>() }
    const { appended } = await handle(engagement, WELL_KNOWN_ENGAGEMENTS.administrative.id, takeNumbers, command, by)
    const { from, to } = EVENT_DATA.DisplayNumbersTaken.parse(appended[0]?.data)
    const taken = Array.from({ length: to - from + 1 }, (_, n) => from + n)
    this.#free.push(...taken.filter((number) => !WELL_KNOWN.has(number)))
  }
}
