import { QueryClientProvider } from '@tanstack/react-query'
import { createBrowserRouter, Navigate, type RouteObject, RouterProvider } from 'react-router'
import { Broken } from '../parts/broken.tsx'
import { Threshold } from '../parts/threshold.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { queryClient } from './queries.ts'
import { INSIDE, ONWARD, OUTSIDE } from './routes.ts'
import { Shell } from './shell.tsx'

const pages = import.meta.glob<{ readonly Page: React.ComponentType }>('../pages/*/page.tsx')

/** A page is fetched when it is first gone to. */
const routesOf = (addresses: Readonly<Record<string, string>>): RouteObject[] =>
  Object.entries(addresses).map(([path, name]) => ({
    path,
    lazy: async () => {
      const page = await pages[`../pages/${name}/page.tsx`]?.()
      if (page === undefined) throw new Error(`there is no page ${name}`)
      return { Component: page.Page }
    },
  }))

const router = createBrowserRouter([
  {
    errorElement: <Broken />,
    hydrateFallbackElement: (
      <Threshold title="One moment">
        <Waiting />
      </Threshold>
    ),
    children: [
      ...Object.entries(ONWARD).map(([path, to]) => ({ path, element: <Navigate to={to} replace /> })),
      ...routesOf(OUTSIDE),
      { element: <Shell />, children: routesOf(INSIDE) },
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
