// Carries out the faults of a plan while work goes on.
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceName } from '@loomworks/kernel'
import type { ServiceProcess } from '../deployment.ts'
import { CRASH_POINTS, type CrashPoint, type Fault } from './faults.ts'
import type { Watcher } from './proxy.ts'
import type { Stage } from './stage.ts'

/** Resolves when the fault is over, or, for one that waits for a message, is set; what it has broken is mended by the stage. */
export async function inflict(stage: Stage, fault: Fault, lot: (n: number) => number): Promise<void> {
  if (fault.kind === 'engine') return mistreat(stage, fault)
  const process = instanceOf(stage, fault.service, lot)
  if (fault.kind === 'crash') return crashAt(stage, process, fault)
  if (fault.kind === 'drop') return dropNth(stage, process, fault.nth)
  await delay(fault.atMs)
  if (fault.kind === 'kill') return void (await process.kill('SIGKILL'))
  if (fault.kind === 'restart') return restart(process)
  if (fault.kind === 'freeze') {
    process.freeze()
    await delay(fault.forMs)
    return process.thaw()
  }
  return disturb(stage, process, fault)
}

function instanceOf(stage: Stage, service: ServiceName, lot: (n: number) => number): ServiceProcess {
  const instances = stage.of(service)
  const process = instances[lot(instances.length)]
  if (process === undefined) throw new Error(`no instance of ${service}`)
  return process
}

async function restart(process: ServiceProcess): Promise<void> {
  await process.kill('SIGTERM')
  process.start()
}

function crashAt(stage: Stage, process: ServiceProcess, { point, after, waitMs }: Extract<Fault, { kind: 'crash' }>): void {
  const crash: CrashPoint = CRASH_POINTS[point]
  const { way, subject, held } = crash
  let seen = 0
  watch(stage, process, (passing, frame) => {
    if (passing !== way || !subject.test(frame.subject ?? '') || seen++ !== after) return 'pass'
    if (held) void process.kill('SIGKILL')
    else setTimeout(() => void process.kill('SIGKILL'), waitMs)
    return held ? 'drop' : 'pass'
  })
}

const PUBLISHED = /^(?:saga|evt)\./

function dropNth(stage: Stage, process: ServiceProcess, nth: number): void {
  let seen = 0
  watch(stage, process, (way, { subject = '' }) => (way === 'out' && PUBLISHED.test(subject) && ++seen === nth ? 'drop' : 'pass'))
}

/** Several watchers of one link each see every message. */
function watch(stage: Stage, process: ServiceProcess, watcher: Watcher): void {
  const link = stage.link(process, 'bus')
  if (link === undefined) return
  const before = link.watcher
  link.watcher = (way, frame) => {
    const verdicts = [watcher(way, frame), before?.(way, frame)]
    return verdicts.includes('drop') ? 'drop' : 'pass'
  }
}

type Disturbance = Extract<Fault, { kind: 'latency' | 'blackhole' | 'reset' | 'halfClose' }>

async function disturb(stage: Stage, process: ServiceProcess, fault: Disturbance): Promise<void> {
  const link = stage.link(process, fault.link)
  if (link === undefined) return
  if (fault.kind === 'reset') return link.reset()
  if (fault.kind === 'halfClose') return link.halfClose()
  if (fault.kind === 'latency') link.latencyMs = fault.ms
  else link.blackhole()
  await delay(fault.forMs)
  if (fault.kind === 'latency') link.latencyMs = 0
  else link.unblock()
}

async function mistreat(stage: Stage, { engine, does, atMs, forMs }: Extract<Fault, { kind: 'engine' }>): Promise<void> {
  const server = stage.engines.get(engine)
  if (server === undefined) return
  await delay(atMs)
  if (does === 'kill') await server.kill()
  else server.freeze()
  await delay(forMs)
  await server.mend()
}
