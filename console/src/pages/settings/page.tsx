import { useQuery } from '@tanstack/react-query'
import { meQuery } from '../../app/queries.ts'
import { PageFrame } from '../../parts/page.tsx'
import { Address } from './address.tsx'
import { Authenticator, Codes } from './authenticator.tsx'
import { CompanionName } from './companion-name.tsx'
import { Leave } from './leave.tsx'
import { ModelKey } from './model-key.tsx'
import { Passkeys } from './passkeys.tsx'
import { Sessions } from './sessions.tsx'

export function Page() {
  const { data: me } = useQuery(meQuery)
  if (!me) return null
  return (
    <PageFrame title="Settings">
      <CompanionName name={me.companion_name} />
      <Address email={me.email} isVerified={me.email_verified} />
      <Passkeys />
      <Authenticator />
      <Codes />
      <Sessions />
      <ModelKey />
      <Leave />
    </PageFrame>
  )
}
