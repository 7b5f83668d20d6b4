import type { Reply } from '@loomworks/client'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Choice } from '../../parts/choice.tsx'
import { Copy } from '../../parts/copy.tsx'
import { Field } from '../../parts/field.tsx'
import rows from '../../parts/rows.module.css'
import { SagaMark } from '../../parts/saga-mark.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { sagaQuery } from './queries.ts'
import { type Saga, sentenceOf } from './words.ts'

type Action = Reply<'actOnSaga'>['action']

const ACTIONS: Readonly<Record<Action, readonly [name: string, does: string]>> = {
  retry: ['Retry', 'Begins a new attempt of what is waited for, at once.'],
  resend: ['Resend', 'Sends the same attempt again, where its message was lost.'],
  pause: ['Pause', 'Holds it where it is; its deadline stands still meanwhile.'],
  unpause: ['Go on', 'Lets a paused one go on.'],
  cancel: ['Cancel', 'Undoes what was done so far, while there is a return.'],
}

/** What an operator can do to it now. Nothing is done before it was seen what would be. */
export function Actions({ saga }: { readonly saga: Saga }) {
  const [action, setAction] = useState<Action>()
  const legal = legalOn(saga)
  const queries = useQueryClient()
  const acting = useMutation({
    mutationFn: ({ plan, ...body }: Planning & { readonly plan: Plan }) =>
      proven(() => client.call('actOnSaga', { params: { id: saga.id }, body: { ...body, expected_revision: plan.expected } })),
    onSuccess: () => setAction(undefined),
    onSettled: () => queries.invalidateQueries(sagaQuery(saga.id)),
  })
  return (
    <Card title="Act on it">
      {legal.length === 0 ? (
        <p className={styles.soft}>It has ended; nothing can be done to it any more.</p>
      ) : (
        <fieldset className={rows.acts}>
          <legend className={styles.hidden}>What to do</legend>
          {legal.map((each) => (
            <Button key={each} look={each === 'cancel' ? 'danger' : 'second'} onPress={() => setAction(each)} aria-pressed={each === action}>
              {ACTIONS[each][0]}
            </Button>
          ))}
        </fieldset>
      )}
      {action === undefined ? null : (
        <Planner key={action} saga={saga} action={action} isActing={acting.isPending} onAct={acting.mutate} onLeave={() => setAction(undefined)} />
      )}
      {acting.isError ? <Trouble error={acting.error} /> : null}
      {acting.isSuccess && action === undefined ? (
        <p role="status" tabIndex={-1} ref={focused}>
          Done: {ACTIONS[acting.data.action][0].toLowerCase()}.
        </p>
      ) : null}
    </Card>
  )
}

interface Planning {
  readonly action: Action
  readonly reason: string
  readonly step?: string
}

interface Plan {
  readonly planned: Reply<'actOnSaga'>
  /** What was looked at: where the saga has moved on since, as after a first press, nothing is done. */
  readonly expected: number
}

interface PlannerProps {
  readonly saga: Saga
  readonly action: Action
  readonly isActing: boolean
  readonly onAct: (act: Planning & { readonly plan: Plan }) => void
  readonly onLeave: () => void
}

function Planner({ saga, action, isActing, onAct, onLeave }: PlannerProps) {
  const [reason, setReason] = useState('')
  const [step, setStep] = useState('')
  const asked: Planning = { action, reason: reason.trim(), ...(step !== '' && { step }) }
  const planning = useMutation({
    mutationFn: async (): Promise<Plan> => {
      const expected = saga.revision
      const body = { ...asked, expected_revision: expected, dry_run: true }
      const planned = await proven(() => client.call('actOnSaga', { params: { id: saga.id }, body }))
      return { planned, expected }
    },
  })
  const plan = planning.data
  const changed =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      planning.reset()
      set(value)
    }
  const steps = action === 'retry' || action === 'resend' ? outstanding(saga) : []
  return (
    <Form
      className={styles.planner ?? ''}
      onSubmit={(event) => {
        event.preventDefault()
        if (!planning.isPending) planning.mutate()
      }}
    >
      <p>{ACTIONS[action][1]}</p>
      {steps.length > 1 ? (
        <Choice
          label="Step"
          value={step}
          options={[['', 'All that are waited for'], ...steps.map((each) => [each, each] as const)]}
          onChange={changed(setStep)}
        />
      ) : null}
      <Field
        label="Reason"
        hint="A sentence that is kept for good with your name; no address."
        name="reason"
        value={reason}
        onChange={changed(setReason)}
        isRequired
        minLength={3}
        maxLength={500}
        autoComplete="off"
      />
      {planning.isError ? <Trouble error={planning.error} /> : null}
      {plan === undefined ? null : <Planned {...plan.planned} />}
      <div className={rows.acts}>
        <Button type="submit" look={plan === undefined ? 'first' : 'second'} busy={planning.isPending} isDisabled={isActing}>
          Show what it would do
        </Button>
        {plan === undefined ? null : (
          <Button look={action === 'cancel' ? 'danger' : 'first'} busy={isActing} onPress={() => onAct({ ...asked, plan })}>
            {ACTIONS[action][0]} it now
          </Button>
        )}
        {plan === undefined ? null : <Copy text={commandOf(saga.id, asked)} label="Copy it as a command" />}
        <Button look="quiet" onPress={onLeave}>
          Leave it
        </Button>
      </div>
    </Form>
  )
}

/** The same by the command line; the reason goes there as one word of the shell. */
function commandOf(id: string, { action, step, reason }: Planning): string {
  return `npx loom saga ${action} ${id}${step === undefined ? '' : ` --step ${step}`} --reason '${reason.replaceAll("'", "'\\''")}'`
}

function Planned({ events, messages, state }: Reply<'actOnSaga'>) {
  return (
    <div className={styles.planned} role="status">
      <p className={styles.name}>It would decide</p>
      <ul>
        {events.map((event) => (
          <li key={JSON.stringify(event)}>{sentenceOf(event)}</li>
        ))}
      </ul>
      <p className={styles.name}>{messages.length === 0 ? 'and send nothing.' : 'and send'}</p>
      <ul>
        {messages.map(({ id, subject }) => (
          <li key={id}>
            <code>{id}</code> on <code>{subject}</code>
          </li>
        ))}
      </ul>
      <p>
        It would stand then: <SagaMark state={state} />
      </p>
    </div>
  )
}

function outstanding({ steps }: Saga): readonly string[] {
  return steps.filter(({ state }) => state === 'sent' || state === 'undoSent').map(({ step }) => step)
}

/** The tool decides; what it would refuse in any case is not offered. */
function legalOn(saga: Saga): readonly Action[] {
  const { state, overlays } = saga
  if (state === 'completed' || state === 'aborted') return []
  if (overlays.includes('paused')) return ['unpause']
  return [
    ...(outstanding(saga).length > 0 ? (['retry', 'resend'] as const) : []),
    'pause',
    ...(state === 'requested' || state === 'running' ? (['cancel'] as const) : []),
  ]
}

/** The button that was pressed is gone; who goes by keyboard goes on from what it came to. */
function focused(element: HTMLElement | null): void {
  element?.focus()
}
