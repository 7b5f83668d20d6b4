// What can happen in a run, as data drawn from its seed: the same seed plans the same faults.
import { ServiceName } from '@loomworks/kernel'
import { Dice } from '../../libs/sagas/src/simulation/dice.ts'

export type Link = 'bus' | 'database' | 'eventStore'
export type Engine = 'bus' | 'database' | 'eventStore'

/** Named points at which a process is killed with -9: when this message passes its connection to the bus, before it goes on or after. */
export const CRASH_POINTS = {
  'command arrives': { way: 'in', subject: /^saga\.cmd\./, of: ['identity', 'memory', 'credit'] },
  'reply is about to leave': { way: 'out', subject: /^saga\.rep\./, of: ['identity', 'memory', 'credit'], held: true },
  'reply has left': { way: 'out', subject: /^saga\.rep\./, of: ['identity', 'memory', 'credit'] },
  'command is about to leave': { way: 'out', subject: /^saga\.cmd\./, of: ['identity'], held: true },
  'command has left': { way: 'out', subject: /^saga\.cmd\./, of: ['identity'] },
  'reply arrives': { way: 'in', subject: /^saga\.rep\./, of: ['identity'] },
  'fact is about to leave': { way: 'out', subject: /^evt\./, of: ['identity', 'memory', 'companion', 'credit'], held: true },
  'fact has left': { way: 'out', subject: /^evt\./, of: ['identity', 'memory', 'companion', 'credit'] },
  'fact arrives': { way: 'in', subject: /^evt\./, of: ['memory', 'companion', 'credit', 'audit'] },
} as const satisfies Record<string, CrashPoint>

export interface CrashPoint {
  readonly way: 'in' | 'out'
  readonly subject: RegExp
  readonly of: readonly ServiceName[]
  /** The message does not pass. */
  readonly held?: true
}

type PointName = keyof typeof CRASH_POINTS

export type Fault =
  /** `after` messages of the kind pass before; the kill comes `waitMs` after the message. */
  | { readonly kind: 'crash'; readonly service: ServiceName; readonly point: PointName; readonly after: number; readonly waitMs: number }
  | { readonly kind: 'kill'; readonly service: ServiceName; readonly atMs: number }
  | { readonly kind: 'restart'; readonly service: ServiceName; readonly atMs: number }
  | { readonly kind: 'freeze'; readonly service: ServiceName; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'latency'; readonly service: ServiceName; readonly link: Link; readonly atMs: number; readonly forMs: number; readonly ms: number }
  | { readonly kind: 'blackhole'; readonly service: ServiceName; readonly link: Link; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'reset'; readonly service: ServiceName; readonly link: Link; readonly atMs: number }
  | { readonly kind: 'halfClose'; readonly service: ServiceName; readonly link: Link; readonly atMs: number }
  | { readonly kind: 'drop'; readonly service: ServiceName; readonly nth: number }
  | { readonly kind: 'engine'; readonly engine: Engine; readonly does: 'kill' | 'freeze'; readonly atMs: number; readonly forMs: number }

/** Between a message and the kill it brings. */
export const LONGEST_WAIT_MS = 20
const MOST_FAULTS = 3
const KINDS = ['crash', 'crash', 'crash', 'crash', 'kill', 'restart', 'freeze', 'latency', 'blackhole', 'reset', 'halfClose', 'drop', 'engine'] as const
const SERVICES = ServiceName.options.filter((name) => name !== 'gateway')
const LINKS: readonly Link[] = ['bus', 'database', 'eventStore']
const LINKS_OF_EVERYBODY: readonly Link[] = ['bus', 'database']
/** Who reads and writes streams. */
const STREAMING: ReadonlySet<ServiceName> = new Set(['identity', 'memory'])

/** The faults of a run. `engines` are those that may be mistreated. */
export function planOf(seed: number, engines: readonly Engine[]): readonly Fault[] {
  const dice = new Dice(seed)
  return Array.from({ length: between(dice, 1, MOST_FAULTS) }, () => faultBy(dice, engines))
}

function faultBy(dice: Dice, engines: readonly Engine[]): Fault {
  const kind = dice.pick(KINDS)
  if (kind === 'crash') return crashBy(dice)
  const service = dice.pick(SERVICES)
  const atMs = between(dice, 0, 1500)
  const forMs = between(dice, 300, 4000)
  const link = dice.pick(STREAMING.has(service) ? LINKS : LINKS_OF_EVERYBODY)
  if (kind === 'kill' || kind === 'restart') return { kind, service, atMs }
  if (kind === 'freeze') return { kind, service, atMs, forMs }
  if (kind === 'latency') return { kind, service, link, atMs, forMs, ms: between(dice, 20, 300) }
  if (kind === 'blackhole') return { kind, service, link, atMs, forMs }
  if (kind === 'drop') return { kind, service, nth: between(dice, 1, 6) }
  if (kind === 'engine') return { kind, engine: dice.pick(engines), does: dice.pick(['kill', 'freeze']), atMs, forMs: Math.min(forMs, 3000) }
  return { kind, service, link, atMs }
}

/** Both ends are drawn as well. */
function between(dice: Dice, least: number, most: number): number {
  return least + dice.below(most - least + 1)
}

function crashBy(dice: Dice): Fault {
  const names = Object.keys(CRASH_POINTS) as PointName[]
  // Facts are read by four services, in eight lanes each: the point with the most behind it.
  const point = dice.pick<PointName>([...names, 'fact arrives', 'fact arrives'])
  const { of } = CRASH_POINTS[point]
  return { kind: 'crash', service: dice.pick<ServiceName>(of), point, after: between(dice, 0, 12), waitMs: between(dice, 0, LONGEST_WAIT_MS) }
}
