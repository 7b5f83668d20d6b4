import { isRefused } from '@loomworks/client'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { enrolmentQuery } from './queries.ts'

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** A new way into the account that an administrator made; the person is told, and can stop it while it waits. */
export function Enrolment() {
  const enrolment = useQuery(enrolmentQuery)
  const queries = useQueryClient()
  const stopping = useMutation({
    mutationFn: async () => {
      try {
        await client.call('cancelEnrolment')
      } catch (error) {
        // It is over by itself, or was stopped elsewhere.
        if (!isRefused(error, 'enrolment.unknown')) throw error
      }
    },
    onSettled: () => queries.invalidateQueries(enrolmentQuery),
  })
  if (stopping.isSuccess && !enrolment.data) return <p role="status">It is stopped: that token opens nothing any more.</p>
  if (enrolment.isError) return <Trouble error={enrolment.error} onRetry={() => void enrolment.refetch()} />
  if (!enrolment.data) return null
  const { issued_at, usable_from, expires_at } = enrolment.data
  return (
    <Card title="A new way into your account">
      <p>
        An administrator made a token <Time at={issued_at} /> with which new factors for your account can be set up. It works at this time alone:{' '}
        {EXACT.formatRange(new Date(usable_from), new Date(expires_at))}. If you did not ask for it, stop it.
      </p>
      {stopping.isError ? <Trouble error={stopping.error} /> : null}
      <div>
        <Button look="danger" busy={stopping.isPending} onPress={() => stopping.mutate()}>
          Stop it
        </Button>
      </div>
    </Card>
  )
}
