import { Card } from '../../parts/card.tsx'
import { SagaMark } from '../../parts/saga-mark.tsx'
import styles from './page.module.css'
import type { Saga } from './words.ts'

type Step = Saga['graph'][number]

/** The steps in the order in which one waits for the other, and where there is no return. */
export function Graph({ graph }: { readonly graph: Saga['graph'] }) {
  const before = graph.filter(({ side }) => side !== 'after')
  const after = graph.filter(({ side }) => side === 'after')
  return (
    <Card title="Steps">
      <Levels steps={before} label="Before there is no return" />
      {after.length === 0 && !graph.some(({ side }) => side === 'pivot') ? null : (
        <p className={styles.pivot}>
          <span>No return from here</span>
        </p>
      )}
      {after.length === 0 ? null : <Levels steps={after} label="After that" />}
    </Card>
  )
}

function Levels({ steps, label }: { readonly steps: readonly Step[]; readonly label: string }) {
  const levels = levelsOf(steps)
  return (
    <ol className={styles.levels} aria-label={label}>
      {levels.map((level) => (
        <li key={level[0]?.step} className={styles.level}>
          {level.map(({ step, at, after, side, undoable, state, remaining }) => (
            <div key={step} className={remaining ? `${styles.step} ${styles.remaining}` : styles.step}>
              <p className={styles.stepName}>{step}</p>
              <SagaMark state={state} />
              <p className={styles.soft}>
                {at === 'timer' ? 'only waits' : `at ${at}`}
                {after.length === 0 ? '' : `, after ${after.join(' and ')}`}
                {side === 'pivot' ? ', decides it' : undoable ? '' : ', has no undo'}
              </p>
            </div>
          ))}
        </li>
      ))}
    </ol>
  )
}

/** Steps that wait for none of each other stand side by side. */
function levelsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const levels: Step[][] = []
  let left = [...steps]
  while (left.length > 0) {
    const names = new Set(left.map(({ step }) => step))
    const free = left.filter(({ after }) => !after.some((each) => names.has(each)))
    const level = free.length === 0 ? left : free
    levels.push(level)
    left = left.filter((each) => !level.includes(each))
  }
  return levels
}
