import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useLocation } from 'react-router'
import { meQuery } from '../../app/queries.ts'
import { PageFrame } from '../../parts/page.tsx'
import { Address } from './address.tsx'
import { Authenticator, Codes } from './authenticator.tsx'
import { Enrolment } from './enrolment.tsx'
import { Leave } from './leave.tsx'
import { ModelKey } from './model-key.tsx'
import { CompanionName, OwnName } from './names.tsx'
import { Passkeys } from './passkeys.tsx'
import { Sessions } from './sessions.tsx'

export function Page() {
  const { data: me } = useQuery(meQuery)
  const { pathname } = useLocation()
  const passkeys = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (pathname.endsWith('/passkeys')) passkeys.current?.scrollIntoView()
  }, [pathname])
  if (!me) return null
  return (
    <PageFrame title="Settings">
      <Enrolment />
      <CompanionName name={me.companion_name} />
      <OwnName name={me.display_name} />
      <Address email={me.email} isVerified={me.email_verified} />
      <div ref={passkeys}>
        <Passkeys />
      </div>
      <Authenticator />
      <Codes />
      <Sessions />
      <ModelKey />
      <Leave />
    </PageFrame>
  )
}
