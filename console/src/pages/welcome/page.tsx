import { Link } from 'react-router'
import { Threshold } from '../../parts/threshold.tsx'
import styles from './page.module.css'

export function Page() {
  return (
    <Threshold title="A Companion that acts for you, within what you signed">
      <p>It remembers what you tell it, does what you allowed, and can prove what it did. What you want forgotten is gone.</p>
      <div className={styles.ways}>
        <Link className={`${styles.way} ${styles.first}`} to="/console/sign-up">
          Sign up
        </Link>
        <Link className={styles.way ?? ''} to="/console/sign-in">
          Sign in
        </Link>
      </div>
    </Threshold>
  )
}
