import { QueryClientProvider } from '@tanstack/react-query'
import { createBrowserRouter, Navigate, RouterProvider } from 'react-router'
import { Broken } from '../parts/broken.tsx'
import { queryClient } from './queries.ts'
import { Shell } from './shell.tsx'

/** A page is fetched when it is first gone to. */
const page = (load: () => Promise<{ Page: React.ComponentType }>) => async () => ({ Component: (await load()).Page })

const router = createBrowserRouter([
  { path: '/', element: <Navigate to="/console/" replace /> },
  { path: '/claim', lazy: page(() => import('../pages/sign-up/page.tsx')), errorElement: <Broken /> },
  {
    path: '/console',
    errorElement: <Broken />,
    children: [
      { path: 'welcome', lazy: page(() => import('../pages/welcome/page.tsx')) },
      { path: 'sign-up', lazy: page(() => import('../pages/sign-up/page.tsx')) },
      { path: 'recover', lazy: page(() => import('../pages/recover/page.tsx')) },
      { path: 'sign-in', lazy: page(() => import('../pages/sign-in/page.tsx')) },
      {
        element: <Shell />,
        children: [
          { index: true, lazy: page(() => import('../pages/home/page.tsx')) },
          { path: 'engagements', lazy: page(() => import('../pages/engagements/page.tsx')) },
          { path: 'engagements/:engagement', lazy: page(() => import('../pages/engagement/page.tsx')) },
          { path: 'invitation', lazy: page(() => import('../pages/invitation/page.tsx')) },
          { path: 'activity', lazy: page(() => import('../pages/activity/page.tsx')) },
          { path: 'credit', lazy: page(() => import('../pages/credit/page.tsx')) },
          { path: 'settings', lazy: page(() => import('../pages/settings/page.tsx')) },
          // What password managers open: the address that `/.well-known/passkey-endpoints` names.
          { path: 'settings/passkeys', lazy: page(() => import('../pages/settings/page.tsx')) },
          { path: 'operations', element: <Navigate to="/console/operations/sagas" replace /> },
          { path: 'operations/sagas', lazy: page(() => import('../pages/sagas/page.tsx')) },
          { path: 'operations/sagas/:saga', lazy: page(() => import('../pages/saga/page.tsx')) },
          { path: 'operations/dead-letters', lazy: page(() => import('../pages/dead-letters/page.tsx')) },
          { path: 'operations/dead-letters/:letter', lazy: page(() => import('../pages/dead-letter/page.tsx')) },
          { path: '*', lazy: page(() => import('../pages/not-found/page.tsx')) },
        ],
      },
    ],
  },
])

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  )
}
