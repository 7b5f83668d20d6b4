import type { Command } from 'commander'
import { ask, type GatewayOptions, gatewayCommand } from '../gateway.ts'
import { tableOf } from '../table.ts'
import { Saga, stateOf } from './shape.ts'

export function showSagaCommand(saga: Command): void {
  gatewayCommand(saga, 'show', 'One saga: how it stands, step by step.', 'saga show 5d0c2c8e-4d0b-5a55-8a2e-6a8b1e7f3c27')
    .argument('<id>', 'id of the saga')
    .action(show)
}

async function show(id: string, options: GatewayOptions): Promise<void> {
  const saga = await ask(options, `/admin/sagas/${encodeURIComponent(id)}`, Saga)
  if (options.json) return console.log(JSON.stringify(saga, null, 2))
  console.log(`${saga.definition}@${saga.version}  ${saga.id}\n${stateOf(saga)}, started ${saga.started_at}, last change ${saga.updated_at}\n`)
  console.log(
    tableOf(
      ['step', 'state', 'attempts', 'code'],
      saga.steps.map(({ step, state, attempt, code }) => [step, state, String(attempt), code ?? '']),
    ),
  )
}
