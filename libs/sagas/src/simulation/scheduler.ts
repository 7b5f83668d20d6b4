// Time, order and faults of a simulated world. Every call of a port is two tasks, the request and the answer, and dice decide which
// task comes next, what gets lost, and when a node dies or freezes: at any await, that is.
import { Transient } from '@loomworks/kernel'
import { Dice } from './dice.ts'

export interface Node {
  readonly name: string
  alive: boolean
  /** Nothing reaches a frozen node before. */
  frozenUntil: number
}

interface Task {
  readonly at: number
  /** Nobody goes on because of it: no need to let the event loop turn. */
  readonly quiet: boolean
  run(): void
}

const FAULTS_END_MS = 15_000

export class Scheduler {
  readonly dice: Dice
  now = Date.UTC(2030, 0, 1)
  readonly #began = this.now
  /** A broken invariant, or an error that nobody expected. */
  failure: Error | undefined
  #tasks: Task[] = []

  constructor(seed: number) {
    this.dice = new Dice(seed)
  }

  get faulty(): boolean {
    return this.now - this.#began < FAULTS_END_MS
  }

  get elapsedMs(): number {
    return this.now - this.#began
  }

  get idle(): boolean {
    return this.#tasks.length === 0
  }

  later(delayMs: number, run: () => void, quiet = false): void {
    this.#tasks.push({ at: this.now + delayMs, quiet, run })
  }

  /** A call of a port by a node. What a dead node asked for may still happen; it never hears the answer. */
  call<T>(node: Node, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!node.alive) return
      const request = () => {
        if (!node.alive && this.dice.chance(0.5)) return
        const fault = this.faulty ? this.dice.next() : 1
        const answer = fault < 0.01 ? failed(new Transient('not reached')) : attempted(work)
        const heard = fault >= 0.01 && fault < 0.02 ? failed(new Transient('outcome unknown')) : answer
        this.#answer(node, () => (heard.ok ? resolve(heard.value as T) : reject(heard.error)))
      }
      this.later(this.#latency(), request, true)
    })
  }

  #answer(node: Node, settle: () => void): void {
    this.later(Math.max(this.#latency(), node.frozenUntil - this.now), () => {
      if (node.frozenUntil > this.now) this.#answer(node, settle)
      else if (node.alive) settle()
    })
  }

  #latency(): number {
    return this.dice.chance(0.95) ? this.dice.below(4) : this.dice.below(400)
  }

  /** Runs what is due in any order up to the first task that somebody waits for, turning the clock where nothing is due. False
   *  when nothing is left before `until`. */
  step(until: number, nextSweepAt: number): boolean {
    for (;;) {
      const due = this.#tasks.filter(({ at }) => at <= this.now)
      if (due.length === 0) {
        const next = this.#tasks.reduce((soonest, { at }) => Math.min(soonest, at), nextSweepAt)
        if (next > until) return false
        this.now = Math.max(this.now, next)
        if (next === nextSweepAt) return true
        continue
      }
      const task = this.dice.pick(due)
      this.#tasks.splice(this.#tasks.indexOf(task), 1)
      task.run()
      if (!task.quiet) return true
    }
  }

  fail(message: string): void {
    this.failure ??= new Error(message)
  }
}

type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: Error }

function attempted(work: () => unknown): Answer {
  try {
    return { ok: true, value: work() }
  } catch (error) {
    return failed(error as Error)
  }
}

function failed(error: Error): Answer {
  return { ok: false, error }
}
