// Whether what a host stands on answers: each dependency is asked a few times a second, and counts as gone once it has not
// answered for more than a second.

const GONE_MS = 1000
/** Between two probes lies a quarter of a second of silence that means nothing. */
const SLACK_MS = 500

interface Pulse {
  readonly name: string
  readonly ask: () => Promise<void>
  answeredAt: number
  answers: boolean
  asking: Promise<void> | undefined
  trouble: string
}

export class Health {
  readonly #pulses: readonly Pulse[]
  readonly #now: () => number
  #began = false

  constructor(dependencies: Readonly<Record<string, () => Promise<void>>>, now: () => number = () => performance.now()) {
    this.#now = now
    this.#pulses = Object.entries(dependencies).map(([name, ask]) => ({ name, ask, answeredAt: now(), answers: true, asking: undefined, trouble: '' }))
  }

  /** Asks all of them once; gives those that answer again after they had not. One that hangs is not asked twice. */
  async probe(): Promise<{ readonly came: readonly string[] }> {
    if (!this.#began) for (const pulse of this.#pulses) pulse.answeredAt = this.#now()
    this.#began = true
    const before = new Map(this.#pulses.map(({ name, answers }) => [name, answers]))
    const asked = this.#pulses.map((pulse) => {
      pulse.asking ??= this.#ask(pulse)
      return pulse.asking
    })
    await Promise.race([Promise.all(asked), new Promise((resolve) => setTimeout(resolve, GONE_MS).unref())])
    return { came: this.#pulses.filter(({ name, answers, asking }) => asking === undefined && answers && before.get(name) === false).map(({ name }) => name) }
  }

  async #ask(pulse: Pulse): Promise<void> {
    try {
      await pulse.ask()
      pulse.answers = true
      pulse.answeredAt = this.#now()
    } catch (error) {
      pulse.answers = false
      pulse.trouble = (error as Error).message
    } finally {
      pulse.asking = undefined
    }
  }

  verdict(): { readonly ok: boolean; readonly detail?: string } {
    const limit = this.#now() - GONE_MS - SLACK_MS
    const gone = this.#pulses.find(({ answeredAt }) => this.#began && answeredAt < limit)
    return gone === undefined ? { ok: true } : { ok: false, detail: `${gone.name} does not answer${gone.trouble === '' ? '' : `: ${gone.trouble}`}` }
  }
}
