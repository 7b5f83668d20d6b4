// One subscription to everything that matches a filter, and how far it has seen. That it has caught up is told by the server, or
// found out: a server may never say so, and may say so again.
import type { Cancel, Driver, Entry } from './eventstoredb-driver.ts'
import { Expired } from './eventstoredb-failure.ts'
import { comparePositions, type Filter, type Position, type StoredEvent } from './port.ts'

const LOOK_EVENTS = 512

export interface Following {
  readonly filter: Filter
  readonly after: Position
  readonly quietMs: number
  readonly liveQuietMs: number
  /** Something came; what waits for it need not give up. */
  onLife(): void
  onConfirmed?(): void
  onEvent(event: StoredEvent): void
  /** Everything that matched when it was said has been told. */
  onCaughtUp(): void
  onEnd(error: unknown): void
}

export class Follow {
  readonly #driver: Driver
  readonly #following: Following
  readonly #cancel: Cancel
  #quiet: NodeJS.Timeout | undefined
  #stopLooking: Cancel | undefined
  /** What was found in the log and not yet heard of. */
  #missing: Position | undefined
  #caughtUp = false
  #over = false
  #seen: Position

  constructor(driver: Driver, following: Following) {
    this.#driver = driver
    this.#following = following
    this.#seen = following.after
    this.#cancel = driver.subscribe(following.filter, following.after, {
      confirmed: () => this.#alive(() => following.onConfirmed?.()),
      entry: (entry) => this.#alive(() => this.#heard(entry)),
      checkpoint: (position) => this.#alive(() => this.#passed(position)),
      caughtUp: () => this.#alive(() => this.#reached()),
      end: (error) => this.#end(error ?? new Error('the subscription ended')),
    })
  }

  /** Everything that matches has been told up to here. */
  get seen(): Position {
    return this.#seen
  }

  stop(): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#quiet)
    this.#stopLooking?.()
    this.#cancel()
  }

  #alive(then: () => void): void {
    if (this.#over) return
    this.#stopLooking?.()
    this.#stopLooking = undefined
    this.#following.onLife()
    then()
    this.#listen()
  }

  #heard({ position, event }: Entry): void {
    // After a break the server may begin a little earlier than it was asked to.
    if (comparePositions(position, this.#seen) <= 0) return
    this.#seen = position
    if (event !== undefined) this.#following.onEvent(event)
  }

  #passed(position: Position): void {
    if (comparePositions(position, this.#seen) > 0) this.#seen = position
    if (this.#caughtUp) this.#following.onCaughtUp()
  }

  #reached(): void {
    this.#caughtUp = true
    this.#following.onCaughtUp()
  }

  #listen(): void {
    if (this.#over) return
    clearTimeout(this.#quiet)
    const { quietMs, liveQuietMs } = this.#following
    this.#quiet = setTimeout(() => this.#look(this.#seen), this.#caughtUp ? liveQuietMs : quietMs)
  }

  /** Looks in the log itself for what should have been heard of. */
  #look(from: Position): void {
    let last = from
    let found: Position | undefined
    let count = 0
    this.#stopLooking = this.#driver.readLog(from, LOOK_EVENTS, {
      entry: (entry) => {
        count++
        last = entry.position
        if (found === undefined && comparePositions(last, from) > 0 && this.#matches(entry)) found = entry.position
      },
      end: (error) => {
        if (this.#over) return
        if (error !== undefined) return this.#end(error)
        if (found !== undefined) return this.#miss(found)
        this.#following.onLife()
        if (count === LOOK_EVENTS) return this.#look(last)
        this.#passed(last)
        this.#reached()
        this.#listen()
      },
    })
  }

  /** What is in the log may be on its way, but not for so long as to be missed twice. */
  #miss(found: Position): void {
    const again = found === this.#missing && comparePositions(found, this.#seen) > 0
    this.#missing = found
    if (again) this.#end(new Expired('the subscription has gone silent'))
    else this.#listen()
  }

  #matches({ event }: Entry): boolean {
    return event !== undefined && this.#following.filter.prefixes.some((prefix) => event.stream.startsWith(prefix))
  }

  #end(error: unknown): void {
    if (this.#over) return
    this.stop()
    this.#following.onEnd(error)
  }
}
