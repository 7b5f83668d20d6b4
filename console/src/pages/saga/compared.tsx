import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { Link, useSearchParams } from 'react-router'
import { Answered } from '../../parts/answered.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { Field } from '../../parts/field.tsx'
import rows from '../../parts/rows.module.css'
import { Differences } from './differences.tsx'
import styles from './page.module.css'
import { type Comparison, comparisonQuery } from './queries.ts'

/** Two points of a saga, or this one and another, side by side. What is compared stands in the address. */
export function Compared({ id }: { readonly id: string }) {
  const [asked, setAsked] = useSearchParams()
  const comparison = comparisonIn(asked)
  const [a, setA] = useState(asked.get('a') ?? '')
  const [b, setB] = useState(asked.get('b') ?? '')
  const [other, setOther] = useState(asked.get('other') ?? '')
  return (
    <Card title="Compare">
      <p>Two points of this saga, or this one with another. Where no event is given, it is the last one.</p>
      <Form
        className={styles.compare ?? ''}
        onSubmit={(event) => {
          event.preventDefault()
          setAsked({ compare: 'yes', ...given({ a, b, other: other.trim() }) }, { preventScrollReset: true })
        }}
      >
        <Field label="After event" name="a" inputMode="numeric" pattern="[0-9]{1,6}" autoComplete="off" value={a} onChange={setA} />
        <Field label="And after event" name="b" inputMode="numeric" pattern="[0-9]{1,6}" autoComplete="off" value={b} onChange={setB} />
        <Field
          label="Of another saga"
          hint="Its id; of this one where it is left empty."
          name="other"
          pattern="\s*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\s*"
          autoComplete="off"
          value={other}
          onChange={setOther}
        />
        <div className={styles.go}>
          <Button type="submit" look="second">
            Compare
          </Button>
        </div>
      </Form>
      {comparison === undefined ? null : <Result id={id} comparison={comparison} />}
    </Card>
  )
}

function Result({ id, comparison }: { readonly id: string; readonly comparison: Comparison }) {
  const compared = useQuery(comparisonQuery(id, comparison))
  return (
    <Answered result={compared}>
      {({ left, right, differences }) => (
        <div role="status" className={rows.stack}>
          <p className={rows.name}>
            {countOf(differences.length)} between event {left.revision} and event {right.revision}
            {right.id === left.id ? '' : ' of '}
            {right.id === left.id ? null : <Link to={`/console/operations/sagas/${right.id}`}>the other</Link>}.
          </p>
          <Differences differences={differences} />
          <div>
            <Copy text={commandOf(id, left, right)} label="Copy the comparison as a command" />
          </div>
        </div>
      )}
    </Answered>
  )
}

function countOf(differences: number): string {
  if (differences === 0) return 'Nothing differs'
  return differences === 1 ? 'One difference' : `${differences} differences`
}

interface Point {
  readonly id: string
  readonly revision: number
}

/** The command compares the ends of two sagas, or two points of one. */
function commandOf(id: string, left: Point, right: Point): string {
  return `npx loom saga diff ${id} ${left.id === right.id ? `${left.revision} ${right.revision}` : right.id}`
}

function comparisonIn(asked: URLSearchParams): Comparison | undefined {
  if (!asked.has('compare')) return undefined
  const numbered = (name: string) => (/^\d{1,6}$/.test(asked.get(name) ?? '') ? { [name]: Number(asked.get(name)) } : {})
  const other = asked.get('other')
  return { ...numbered('a'), ...numbered('b'), ...(other !== null && { other }) }
}

function given(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ''))
}
