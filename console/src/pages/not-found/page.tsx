import { Link } from 'react-router'
import { PageFrame } from '../../parts/page.tsx'

export function Page() {
  return (
    <PageFrame title="There is no such page" lead="The address may be mistyped, or what it named is gone.">
      <p>
        <Link to="/console/">Go home</Link>
      </p>
    </PageFrame>
  )
}
