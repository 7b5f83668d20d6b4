// What can be made to go wrong, on demand: each is something that was measured on a real server.
import type { Metadata } from '@grpc/grpc-js'
import { type CallError, callError, notLeader } from './messages.ts'

/** Which calls an error meets. */
export type Scope = 'append' | 'read' | 'subscribe' | 'features'

interface Refusal {
  readonly scope: Scope
  readonly error: CallError
  times: number
}

interface Open {
  end(error: CallError): void
  mute(): void
}

type CaughtUp = 'told' | 'never' | 'twice'

export class Faults {
  /** After a restart: calls answer "Server Is Not Ready" while /info tells of a state before leader. */
  notReady = false
  /** Whether a subscription hears that it has caught up. */
  caughtUp: CaughtUp = 'told'
  /** How long after a malformed append the server answers it a second time. */
  secondAnswerMs = 2000
  /** How many appends reached the server, whatever became of them. */
  appendsHeard = 0
  readonly #refusals: Refusal[] = []
  readonly #subscriptions = new Set<Open>()
  readonly #held = { append: undefined as (() => void)[] | undefined, read: undefined as (() => void)[] | undefined }
  #answersUntilDropped = Number.POSITIVE_INFINITY

  /** The next calls of a scope end with this error. */
  refuse(scope: Scope, error: { readonly code: number; readonly details: string; readonly metadata?: Metadata }, times = 1): void {
    this.#refusals.push({ scope, error, times })
  }

  /** The next calls of a scope are told that another node leads. */
  refuseAsFollower(scope: Scope, leader: { readonly host: string; readonly port: number }): void {
    this.refuse(scope, notLeader(leader.host, leader.port))
  }

  /** From now on appends are taken in and left lying, neither stored nor answered; reads likewise. */
  hold(scope: 'append' | 'read'): void {
    this.#held[scope] ??= []
  }

  /** Goes on with what was left lying, though nobody may wait for it any more. */
  release(scope: 'append' | 'read'): void {
    const held = this.#held[scope] ?? []
    this.#held[scope] = undefined
    for (const go of held) go()
  }

  /** How many were left lying. */
  held(scope: 'append' | 'read'): number {
    return this.#held[scope]?.length ?? 0
  }

  /** The n-th answer to an append from now on is never sent; 1 is the next one. */
  dropAnswer(n: number): void {
    this.#answersUntilDropped = n
  }

  /** Ends every subscription that is open; gives how many there were. */
  endSubscriptions(error: { readonly code: number; readonly details: string } = callError(10, 'Operation timed out: the read took too long')): number {
    const open = [...this.#subscriptions]
    for (const each of open) each.end(error)
    return open.length
  }

  /** Those that are open now say nothing more, and are not ended. */
  muteSubscriptions(): void {
    for (const each of this.#subscriptions) each.mute()
  }

  get openSubscriptions(): number {
    return this.#subscriptions.size
  }

  /** @internal */
  refusalOf(scope: Scope): CallError | undefined {
    const refusal = this.#refusals.find((each) => each.scope === scope)
    if (refusal === undefined) return undefined
    if (--refusal.times <= 0) this.#refusals.splice(this.#refusals.indexOf(refusal), 1)
    return refusal.error
  }

  /** @internal Resolves when a call may go on. */
  async released(scope: 'append' | 'read'): Promise<void> {
    const held = this.#held[scope]
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve))
  }

  /** @internal */
  dropsThisAnswer(): boolean {
    return --this.#answersUntilDropped === 0
  }

  /** @internal */
  subscribed(subscription: Open): () => void {
    this.#subscriptions.add(subscription)
    return () => this.#subscriptions.delete(subscription)
  }
}
