// S-INV-1 to S-INV-13 (saga page §3.1), checked on a deployment at rest. A violation is a sentence; none is what a test expects.
import { noSecrets } from './canaries.ts'
import { abortedLeftNothing, completedIsComplete, followed, noHalfPerson, once, oneWinner, undoIsFinal } from './people.ts'
import { everySagaEnds, oneSagaForARegistration, oneTruth, pivotHolds } from './sagas.ts'
import { type Reachable, type World, withWorld } from './world.ts'

export interface Checked extends Reachable {
  /** Directory of the logs. */
  readonly logs: string
  /** What each service answers at /metrics. */
  readonly metrics: readonly string[]
  /** Texts that may be nowhere: addresses, names, secrets, tokens. */
  readonly canaries: readonly string[]
}

export function violations({ logs, metrics, canaries, ...reachable }: Checked): Promise<readonly string[]> {
  return withWorld(reachable, async (world) => [...(await historyOf(world)), ...(await noSecrets(world, { canaries, logs, metrics }))])
}

/** All of them but S-INV-11, which looks at every byte. */
export function historyViolations(reachable: Reachable): Promise<readonly string[]> {
  return withWorld(reachable, historyOf)
}

/** S-INV-11 alone. */
export function noSecretsIn({ logs, metrics, canaries, ...reachable }: Checked): Promise<readonly string[]> {
  return withWorld(reachable, (world) => noSecrets(world, { canaries, logs, metrics }))
}

async function historyOf(world: World): Promise<readonly string[]> {
  return [
    ...(await completedIsComplete(world)),
    ...(await abortedLeftNothing(world)),
    ...(await noHalfPerson(world)),
    ...(await oneWinner(world)),
    ...(await once(world)),
    ...undoIsFinal(world),
    ...pivotHolds(world),
    ...oneTruth(world),
    ...everySagaEnds(world),
    ...oneSagaForARegistration(world),
    ...(await followed(world)),
  ]
}
