import type { Item, Reply } from '@loomworks/client'
import { type InfiniteData, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { Link, useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { Answered } from '../../parts/answered.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { useFormKey } from '../../parts/form-key.ts'
import listing from '../../parts/listing.module.css'
import { More } from '../../parts/more.tsx'
import { PageFrame } from '../../parts/page.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { engagementQuery } from '../engagement/queries.ts'
import { engagementsQuery } from './queries.ts'
import { designated, STATES } from './words.ts'

export function Page() {
  const engagements = useInfiniteQuery(engagementsQuery)
  return (
    <PageFrame title="Engagements" lead="Work that you share with others, each with a memory of its own.">
      <Answered result={engagements}>{(found) => <List {...found} />}</Answered>
      <More list={engagements} />
      <Open />
    </PageFrame>
  )
}

function List({ pages }: Pick<InfiniteData<Reply<'listEngagements'>>, 'pages'>) {
  const items = pages.flatMap((page) => page.items)
  // The commons is everybody's, and nobody chose to be in it.
  const isNew = items.every(({ visibility }) => visibility === 'automatic')
  return (
    <>
      {isNew ? <p>Those you open, and those you are invited to, will stand here. Open the first one below.</p> : null}
      <ul className={listing.rows} aria-label="Engagements" hidden={items.length === 0}>
        {items.map((each) => (
          <Entry key={each.id} {...each} />
        ))}
      </ul>
    </>
  )
}

function Entry({ id, title, display_identifier, state, opened_at, my }: Item<'listEngagements'>) {
  const [word, means] = STATES[state]
  return (
    <li className={listing.row}>
      <Link className={listing.name} to={`/console/engagements/${display_identifier ?? id}`}>
        {title ?? 'Untitled engagement'}
      </Link>
      <span title={means}>{word}</span>
      <p className={listing.soft}>
        {display_identifier === null ? '' : `${display_identifier} · `}
        {designated(my.designations)} · opened <Time at={opened_at} />
      </p>
    </li>
  )
}

function Open() {
  const [title, setTitle] = useState('')
  const queries = useQueryClient()
  const navigate = useNavigate()
  const key = useFormKey(title, 0)
  const opening = useMutation({
    mutationFn: () => client.call('openEngagement', { body: { title } }, { key }),
    onSuccess: async (opened) => {
      const address = opened.display_identifier ?? opened.id
      queries.setQueryData(engagementQuery(address).queryKey, opened)
      void queries.invalidateQueries(engagementsQuery)
      await navigate(`/console/engagements/${address}`)
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
