// What a saga's own history may look like, and that it agrees with the fences of its participants.
import type { SagaWorld, World } from './world.ts'

type Violation = string
const TERMINAL = new Set(['completed', 'aborted'])
const typesOf = ({ events }: SagaWorld) => events.map(({ type }) => type)

/** S-INV-7: no undo is sent after the pivot was reached; no do after compensation started. */
export function pivotHolds({ sagas }: World): Violation[] {
  return sagas.flatMap((saga) => {
    const types = typesOf(saga)
    const behind = (mark: string, type: string) => types.includes(mark) && types.lastIndexOf(type) > types.indexOf(mark)
    return [
      ...(behind('PivotReached', 'UndoSent') ? [`S-INV-7 ${saga.id}: an undo was sent after the pivot`] : []),
      ...(behind('CompensationStarted', 'StepSent') ? [`S-INV-7 ${saga.id}: a do was sent after compensation started`] : []),
    ]
  })
}

const END: Readonly<Record<string, string>> = { SagaCompleted: 'completed', SagaAborted: 'aborted' }

/** S-INV-8: the stream is the shown state, and a terminal saga's steps agree with the fences. */
export function oneTruth({ sagas }: World): Violation[] {
  return sagas.flatMap((saga) => {
    const told = END[typesOf(saga).findLast((type) => type in END) ?? '']
    const shown = TERMINAL.has(saga.state) ? saga.state : undefined
    const state = told === shown ? [] : [`S-INV-8 ${saga.id}: the stream says ${told ?? 'open'}, the list ${saga.state}`]
    return TERMINAL.has(saga.state) ? [...state, ...fencesAgree(saga)] : state
  })
}

function fencesAgree(saga: SagaWorld): Violation[] {
  const sent = new Set(saga.events.filter(({ type }) => type === 'StepSent').map(({ data }) => String(data.step)))
  const allowed = saga.state === 'completed' ? ['done'] : ['undone', 'tombstone', 'failed']
  return [...sent].flatMap((step) => {
    const fence = saga.fences.get(step)
    return fence !== undefined && allowed.includes(fence)
      ? []
      : [`S-INV-8 ${saga.id}: ${step} was sent, the saga ${saga.state}, its fence says ${fence ?? 'nothing'}`]
  })
}

/** S-INV-9: every saga is terminal. */
export function everySagaEnds({ sagas }: World): Violation[] {
  return sagas.filter(({ state }) => !TERMINAL.has(state)).map(({ id, state }) => `S-INV-9 ${id}: still ${state}`)
}

/** S-INV-12: at most one open or completed saga for a registration. */
export function oneSagaForARegistration({ sagas }: World): Violation[] {
  const byRegistration = Map.groupBy(
    sagas.filter(({ state }) => state !== 'aborted'),
    ({ registrationId }) => registrationId,
  )
  return [...byRegistration].filter(([, all]) => all.length > 1).map(([registration, all]) => `S-INV-12 ${registration}: ${all.length} sagas are not aborted`)
}
