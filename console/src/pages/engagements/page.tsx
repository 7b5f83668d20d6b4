import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { Link, useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { PageFrame } from '../../parts/page.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import styles from './page.module.css'
import { engagementsQuery } from './queries.ts'

export function Page() {
  const engagements = useInfiniteQuery(engagementsQuery)
  const items = engagements.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <PageFrame title="Engagements" lead="Work that you share with others, each with a memory of its own.">
      {engagements.isPending ? <Waiting /> : null}
      {engagements.isError ? <Trouble error={engagements.error} onRetry={() => void engagements.refetch()} /> : null}
      {items.length > 0 ? (
        <ul className={styles.list}>
          {items.map(({ id, title, display_identifier, state, opened_at, my }) => (
            <li key={id} className={styles.entry}>
              <Link to={`/console/engagements/${display_identifier ?? id}`}>{title ?? 'Untitled engagement'}</Link>
              <span className={rows.soft}>
                {display_identifier} · {state} · {my.designations.join(', ')} · opened <Time at={opened_at} />
              </span>
            </li>
          ))}
        </ul>
      ) : null}
      {engagements.hasNextPage ? (
        <Button look="second" busy={engagements.isFetchingNextPage} onPress={() => void engagements.fetchNextPage()}>
          Show more
        </Button>
      ) : null}
      <Open />
    </PageFrame>
  )
}

function Open() {
  const [title, setTitle] = useState('')
  const queries = useQueryClient()
  const navigate = useNavigate()
  const opening = useMutation({
    mutationFn: () => client.call('openEngagement', { body: { title } }),
    onSuccess: async ({ id, display_identifier }) => {
      await queries.invalidateQueries(engagementsQuery)
      void navigate(`/console/engagements/${display_identifier ?? id}`)
    },
  })
  return (
    <Card title="Open another one">
      <Form
        className={rows.line ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          if (!opening.isPending) opening.mutate()
        }}
      >
        <Field label="What it is called" name="title" isRequired maxLength={200} value={title} onChange={setTitle} />
        <Button type="submit" busy={opening.isPending}>
          Open
        </Button>
      </Form>
      {opening.isError ? <Trouble error={opening.error} /> : null}
    </Card>
  )
}
